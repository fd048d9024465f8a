import { kernel } from '../device/kernel.ts'
import { ShapeError } from '../errors.ts'
import { isWhole } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'

/**
 * The k largest of the last axis with their indices; of equals the first, NaN counts as smallest.
 * Sorted from the largest down unless `sorted` is false, then in the order of their indices.
 *
 * @param x  (…, n)
 * @returns values (…, k) float32 and indices (…, k) int32
 * @throws {ShapeError} when k is not between 0 and n
 * @example
 * const { values, indices } = topK(new Tensor('float32', [3, 9, 4], [3]), { k: 2 })
 * values.data // => Float32Array [9, 4]
 * indices.data // => Int32Array [1, 2]
 */
export const topK = /* @__PURE__ */ kernel('topK', topKReference)

function topKReference(
  x: Tensor,
  { k, sorted = true }: { k: number; sorted?: boolean | undefined },
): { values: Tensor; indices: Tensor } {
  const n = x.dims.at(-1)
  if (n === undefined || !isWhole(k, n)) {
    throw new ShapeError(`[topK] expected 0 ≤ k ≤ the last of [${x.dims}], got ${k}`)
  }
  const dims = [...x.dims.slice(0, -1), k]
  const values = x.device.empty('float32', dims)
  const indices = x.device.empty('int32', dims)
  const data = floats(x)
  const best = values.data as Float32Array
  const at = indices.data as Int32Array
  const rows = n === 0 ? 0 : data.length / n
  for (let row = 0; row < rows; row++) {
    const numbers = data.subarray(row * n, (row + 1) * n)
    const chosen = largest(numbers, k)
    if (!sorted) chosen.sort((a, b) => a - b)
    chosen.forEach((index, i) => {
      at[row * k + i] = index
      best[row * k + i] = numbers[index]!
    })
  }
  return { values, indices }
}

/** Indices of the k largest, in order, by insertion into a sorted short list. */
function largest(numbers: Float32Array | Float64Array, k: number): number[] {
  const chosen: number[] = []
  const before = (a: number, b: number) =>
    numbers[a]! > numbers[b]! || (Number.isNaN(numbers[b]!) && !Number.isNaN(numbers[a]!))
  for (let i = 0; i < numbers.length; i++) {
    if (chosen.length === k && (k === 0 || !before(i, chosen[k - 1]!))) continue
    let low = 0
    let high = chosen.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(i, chosen[middle]!)) high = middle
      else low = middle + 1
    }
    chosen.splice(low, 0, i)
    if (chosen.length > k) chosen.pop()
  }
  return chosen
}
