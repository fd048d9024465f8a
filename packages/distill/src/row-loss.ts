import { type RowWeights, ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'

/** What the sum over rows is divided by. */
export function totalWeight(rows: number, { weights, total }: RowWeights): number {
  if (total !== undefined) return total
  if (weights === undefined) return rows
  let sum = 0
  for (let row = 0; row < rows; row++) sum += weights[row]!
  return sum
}

/**
 * The rows of what a student and its teacher say about the same tokens.
 *
 * @throws {ShapeError} when the shapes differ, or the weights are not one for each row
 */
export function checkPair(
  student: Tensor,
  teacher: Tensor,
  { weights }: RowWeights,
  where: string,
): [rows: number, columns: number] {
  const [rows = 0, columns = 0] = student.dims
  const fits =
    student.dims.length === 2 &&
    sameDims(student.dims, teacher.dims) &&
    (weights === undefined || weights.length === rows)
  if (!fits) {
    throw new ShapeError(
      `[${where}] expected two tensors of the same (rows, columns) and a weight for each row, ` +
        `got [${student.dims}], [${teacher.dims}] and ${weights?.length ?? 'no'} weights`,
    )
  }
  return [rows, columns]
}
