import { kernel } from '../device/kernel.ts'
import type { AttentionPart } from '../device/kernels.ts'
import { ShapeError } from '../errors.ts'
import { requireDims } from '../tensor/dims.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { floats } from './matmul.ts'
import { output } from './output.ts'

/**
 * Joins attentions over disjoint sets of keys into the attention over all of them: each part
 * weighs in with exp(lse − max lse), head by head.
 *
 * @param parts  each with its query heads, outputs (heads, queries, headDim) and lse (heads, queries);
 *   together they name every head from 0 on at least once
 * @throws {ShapeError} when a head is missing or shapes differ
 * @returns (all heads, queries, headDim) float32
 */
export const mergeAttention = /* @__PURE__ */ kernel('mergeAttention', mergeAttentionReference)

function mergeAttentionReference(
  parts: readonly AttentionPart[],
  options: { out?: Tensor | undefined } = {},
): Tensor {
  const first = parts[0]
  if (first === undefined) throw new ShapeError('[mergeAttention] expected at least one part, got none')
  const [, queries, headDim] = first.o.dims as [number, number, number]
  const named = new Set(parts.flatMap(part => part.heads))
  const heads = named.size
  for (let head = 0; head < heads; head++) {
    if (!named.has(head))
      throw new ShapeError(
        `[mergeAttention] expected parts that name every head from 0 on, got heads ${[...named]}`,
      )
  }
  const max = new Float64Array(heads * queries).fill(-Infinity)
  for (const part of parts) {
    requireDims('mergeAttention', 'o', part.o, [part.heads.length, queries, headDim])
    requireDims('mergeAttention', 'lse', part.lse, [part.heads.length, queries])
    const lse = floats(part.lse)
    part.heads.forEach((head, i) => {
      for (let q = 0; q < queries; q++)
        max[head * queries + q] = Math.max(max[head * queries + q]!, lse[i * queries + q]!)
    })
  }
  const { values, done } = output(
    'mergeAttention',
    first.o.device,
    'float32',
    [heads, queries, headDim],
    options,
  )
  const sums = new Float64Array(heads * queries * headDim)
  const weights = new Float64Array(heads * queries)
  for (const part of parts) {
    const lse = floats(part.lse)
    const o = floats(part.o)
    part.heads.forEach((head, i) => {
      for (let q = 0; q < queries; q++) {
        const to = head * queries + q
        if (max[to] === -Infinity) continue
        const weight = Math.exp(lse[i * queries + q]! - max[to]!)
        weights[to]! += weight
        for (let d = 0; d < headDim; d++)
          sums[to * headDim + d]! += weight * o[(i * queries + q) * headDim + d]!
      }
    })
  }
  for (let i = 0; i < sums.length; i++) values[i] = sums[i]! / (weights[Math.floor(i / headDim)]! || 1)
  return done()
}
