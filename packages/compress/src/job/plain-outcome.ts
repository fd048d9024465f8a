/** What became of one tensor in a job. */
export type Outcome =
  | { readonly outcome: 'quantised'; readonly method: string }
  | { readonly outcome: 'skipped'; readonly reason: string }
  | { readonly outcome: 'fellBack'; readonly method: string; readonly reason: string }
  | { readonly outcome: 'failed'; readonly reason: string }

/** The record of one tensor: its outcome, what it takes and how exact it is. */
export type TensorOutcome = Outcome & {
  readonly name: string
  readonly dims: readonly number[]
  readonly bytes: number
  readonly bitsPerWeight: number
  /** Signal-to-noise ratio of the stored weight in decibels; null where nothing was lost. */
  readonly snr: number | null
}
