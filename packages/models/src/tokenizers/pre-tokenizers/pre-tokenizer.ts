/**
 * Cuts a text into the pieces that the model looks up one by one.
 *
 * `atStart` says that the text begins what was given: some put a mark there only.
 */
export type PreTokenizer = (text: string, atStart: boolean) => string[]

export function preTokenizerSequence(steps: readonly PreTokenizer[]): PreTokenizer {
  return (text, atStart) =>
    steps.reduce<string[]>(
      (pieces, step) => pieces.flatMap((piece, i) => step(piece, atStart && i === 0)),
      [text],
    )
}
