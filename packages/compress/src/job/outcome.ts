/** What became of one tensor in a job. */
export type Outcome =
  | { readonly outcome: 'compressed'; readonly steps: readonly string[] }
  | { readonly outcome: 'skipped'; readonly reason: string }
  | { readonly outcome: 'fellBack'; readonly method: 'float16' | 'keep'; readonly reason: string }

/** The record of one tensor: its outcome, what it takes and how exact it is. */
export type TensorOutcome = Outcome & {
  /** Its role in the model. */
  readonly name: string
  /** What it is called in the file, where that is not its role. */
  readonly storedName?: string
  readonly dims: readonly number[]
  /** What is stored, metadata of its encodings included. */
  readonly bytes: number
  /** Of the safetensors file that holds this tensor alone. */
  readonly sha256: string
  /** Signal-to-noise ratio of the stored weight in decibels; null where nothing was lost. */
  readonly snr: number | null
  /** How the source had it compressed already, where it had: the loss is measured against that. */
  readonly against?: string
}
