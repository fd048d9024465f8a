import { type Matrix, rowOf } from './matrix.ts'

/** Rotations that are gathered before a pass over the matrix. */
const GATHERED = 8192

/**
 * Plane rotations of the columns i and i + 1 of a matrix, applied in order but late: many at a time
 * to four rows at a time, which stay in the first cache meanwhile.
 */
export interface ColumnRotations {
  /** Columns (x, y) at i become (c·x + s·y, c·y − s·x). */
  rotate(i: number, c: number, s: number): void
  /** Applies what was gathered. */
  flush(): void
}

export function columnRotations(matrix: Matrix): ColumnRotations {
  const index = new Int32Array(GATHERED)
  const cosine = new Float64Array(GATHERED)
  const sine = new Float64Array(GATHERED)
  let count = 0
  const flush = () => {
    for (let row = 0; row < matrix.rows; row += 4) {
      // Past the last row the last one stands in, on a copy that is dropped.
      const at = (i: number) => (i < matrix.rows ? rowOf(matrix, i) : new Float64Array(matrix.columns))
      rotateRows(count, index, cosine, sine, at(row), at(row + 1), at(row + 2), at(row + 3))
    }
    count = 0
  }
  const rotate = (i: number, c: number, s: number) => {
    if (count === GATHERED) flush()
    index[count] = i
    cosine[count] = c
    sine[count++] = s
  }
  return { rotate, flush }
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
