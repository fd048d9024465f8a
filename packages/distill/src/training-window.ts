import { ShapeError } from '@tersor/core-tensor'

/** Tokens of one or several documents, packed side by side. */
export interface TrainingWindow {
  /** (length) */
  readonly tokens: Int32Array
  /** (length) how much the loss of a token counts, as the one to be predicted; 1 by default. */
  readonly weights?: ArrayLike<number> | undefined
  /** Where each document begins, ascending from 0, then the length; one document by default. */
  readonly borders?: ArrayLike<number> | undefined
}

/** Windows of one length as rows below each other. */
export interface TrainingRows {
  /** Tokens of a window. */
  readonly length: number
  /** (rows) */
  readonly tokens: Int32Array
  /** (rows) the token after each; whatever where the weight is 0. */
  readonly targets: Int32Array
  /** (rows) how much the prediction of the target counts; 0 at the end of a document. */
  readonly weights: Float64Array
  /** The sum of the weights. */
  readonly total: number
  /** (documents + 1) */
  readonly borders: readonly number[]
}

/**
 * Windows below each other, each row with the token that it has to predict. The last token of a
 * document predicts nothing.
 *
 * @throws {ShapeError} when the windows differ in length or contradict themselves
 * @example
 * const rows = trainingRows([{ tokens: Int32Array.of(5, 6, 7, 8), borders: [0, 2, 4] }])
 * rows.targets // => Int32Array [6, 7, 8, 0]
 * rows.weights // => Float64Array [1, 0, 1, 0]
 */
export function trainingRows(windows: readonly TrainingWindow[]): TrainingRows {
  const length = windows[0]?.tokens.length ?? 0
  const rows = length * windows.length
  if (rows === 0) throw new ShapeError('[distill/training-window] expected at least one window with tokens')
  const tokens = new Int32Array(rows)
  const targets = new Int32Array(rows)
  const rowWeights = new Float64Array(rows)
  const allBorders = [0]
  let total = 0
  for (const [w, window] of windows.entries()) {
    const { weights, borders = [0, length] } = window
    checkWindow(window, length)
    const at = w * length
    tokens.set(window.tokens, at)
    targets.set(window.tokens.subarray(1), at)
    for (let s = 0; s + 1 < borders.length; s++) {
      const end = borders[s + 1]!
      allBorders.push(at + end)
      for (let i = borders[s]!; i + 1 < end; i++) {
        const weight = weights === undefined ? 1 : weights[i + 1]!
        rowWeights[at + i] = weight
        total += weight
      }
    }
  }
  return { length, tokens, targets, weights: rowWeights, total, borders: allBorders }
}

function checkWindow({ tokens, weights, borders }: TrainingWindow, length: number): void {
  if (tokens.length !== length || (weights !== undefined && weights.length !== length)) {
    throw new ShapeError(
      `[distill/training-window] expected windows of ${length} tokens and weights, got ${tokens.length} and ${weights?.length ?? 'none'}`,
    )
  }
  if (borders === undefined) return
  const all = Array.from(borders)
  const ascending = all.every((border, i) => (i === 0 ? border === 0 : border > all[i - 1]!))
  if (!ascending || all.at(-1) !== length) {
    throw new ShapeError(
      `[distill/training-window] expected borders that ascend from 0 to ${length}, got [${all}]`,
    )
  }
}
