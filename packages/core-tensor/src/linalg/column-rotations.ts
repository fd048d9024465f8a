import type { Matrix } from './matrix.ts'

/** Rotations that are gathered before a pass over the matrix. */
const GATHERED = 8192

/**
 * Plane rotations of the columns i and i + 1 of a matrix, applied in order but late: many at a time
 * to four rows at a time, which stay in the first cache meanwhile.
 */
export class ColumnRotations {
  readonly #matrix: Matrix
  readonly #index = new Int32Array(GATHERED)
  readonly #cosine = new Float64Array(GATHERED)
  readonly #sine = new Float64Array(GATHERED)
  #count = 0

  constructor(matrix: Matrix) {
    this.#matrix = matrix
  }

  /** Columns (x, y) at i become (c·x + s·y, c·y − s·x). */
  rotate(i: number, c: number, s: number): void {
    if (this.#count === GATHERED) this.flush()
    this.#index[this.#count] = i
    this.#cosine[this.#count] = c
    this.#sine[this.#count++] = s
  }

  /** Applies what was gathered. */
  flush(): void {
    const { data, rows, columns } = this.#matrix
    for (let row = 0; row < rows; row += 4) {
      // Past the last row the last one stands in, on a copy that is dropped.
      const at = (r: number) =>
        row + r < rows
          ? data.subarray((row + r) * columns, (row + r + 1) * columns)
          : new Float64Array(columns)
      rotateRows(this.#count, this.#index, this.#cosine, this.#sine, at(0), at(1), at(2), at(3))
    }
    this.#count = 0
  }
}

function rotateRows(
  count: number,
  index: Int32Array,
  cosine: Float64Array,
  sine: Float64Array,
  row0: Float64Array,
  row1: Float64Array,
  row2: Float64Array,
  row3: Float64Array,
): void {
  for (let r = 0; r < count; r++) {
    const i = index[r]!
    const c = cosine[r]!
    const s = sine[r]!
    const x0 = row0[i]!
    const x1 = row1[i]!
    const x2 = row2[i]!
    const x3 = row3[i]!
    const y0 = row0[i + 1]!
    const y1 = row1[i + 1]!
    const y2 = row2[i + 1]!
    const y3 = row3[i + 1]!
    row0[i] = c * x0 + s * y0
    row1[i] = c * x1 + s * y1
    row2[i] = c * x2 + s * y2
    row3[i] = c * x3 + s * y3
    row0[i + 1] = c * y0 - s * x0
    row1[i + 1] = c * y1 - s * x1
    row2[i + 1] = c * y2 - s * x2
    row3[i + 1] = c * y3 - s * x3
  }
}
