import { numbersOf, toFloat32, writeNumbers } from '../convert.ts'
import { sameDims } from '../dims.ts'
import { decode, type Encoded } from '../encoded.ts'
import { ShapeError } from '../errors.ts'
import { type AttentionOptions, kernel } from '../kernels.ts'
import { exp as portableExp, log as portableLog } from '../portable-math.ts'
import type { Tensor } from '../tensor.ts'
import { gemm } from './gemm.ts'
import { output } from './output.ts'
import { rope } from './rope.ts'

/** Queries whose scores are held at a time. */
const QUERY_BLOCK = 64

/**
 * Scaled dot-product attention, softmax(scale · q·kᵀ + logWeight)·v, with grouped query heads:
 * query head h reads key head ⌊h · kvHeads / heads⌋. A query that sees no key gives zeros. Values
 * are finite also where they are masked: a weight of 0 times infinity is not a number.
 *
 * @param q  (heads, queries, headDim), rotated
 * @param k  (kvHeads, tokens, headDim), a tensor or an encoding; rotated unless `rope` is given
 * @param v  (kvHeads, tokens, headDim), likewise
 * @returns (heads, queries, headDim) float32
 * @throws {ShapeError} when the shapes do not fit or a key index is out of range
 * @example
 * const q = new Tensor('float32', [1, 0], [1, 1, 2])
 * const k = new Tensor('float32', [0, 0, 0, 0], [1, 2, 2])
 * const v = new Tensor('float32', [1, 2, 3, 4], [1, 2, 2])
 * attention(q, k, v, { scale: 1 }).data // => Float32Array [2, 3]
 */
export const attention = /* @__PURE__ */ kernel('attention', attentionReference)

function attentionReference(
  q: Tensor,
  k: Tensor | Encoded,
  v: Tensor | Encoded,
  options: AttentionOptions,
): Tensor {
  checkDims(q, k, v, options)
  return q.device.scope(() => {
    const { device } = q
    const decodedKeys = decode(k, { device })
    const keys = options.rope === undefined ? decodedKeys : rope(decodedKeys, options.rope)
    return attend(q, keys, decode(v, { device }), options)
  })
}

function attend(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
  const [heads, queries, headDim] = q.dims as [number, number, number]
  const [kvHeads, capacity] = k.dims as [number, number]
  const { scale, length = capacity, causal = false, lse, mass, logWeight, keyIndex } = options
  const sequential = options.order === 'sequential'
  const { values, done } = output('attention', q.device, 'float32', q.dims, options)
  const query = toFloat32(q)
  const key = toFloat32(k)
  const value = toFloat32(v)
  const bias = logWeight === undefined ? undefined : toFloat32(logWeight)
  const chosen = keyIndex === undefined ? undefined : chosenKeys(keyIndex, kvHeads, capacity)
  const scores = new Float32Array(Math.min(QUERY_BLOCK, queries) * length) // (block, visible)
  const lseOut = new Float32Array(heads * queries) // (heads, queries)
  const massOut = new Float64Array(mass === undefined ? 0 : heads * capacity) // (heads, capacity)

  for (let h = 0; h < heads; h++) {
    const kv = Math.floor((h * kvHeads) / heads) * capacity
    const keysTransposed = { data: key, offset: kv * headDim, rowStride: 1, columnStride: headDim }
    const held = { data: value, offset: kv * headDim, rowStride: headDim, columnStride: 1 }
    for (let q0 = 0; q0 < queries; q0 += QUERY_BLOCK) {
      const count = Math.min(QUERY_BLOCK, queries - q0)
      const start = (h * queries + q0) * headDim
      const before = length - queries + q0 // keys that come before the first query of the block
      const visible = causal ? Math.max(0, Math.min(length, before + count)) : length
      const rows = { data: query, offset: start, rowStride: headDim, columnStride: 1 }
      gemm(count, visible, headDim, rows, keysTransposed, scores, sequential)
      for (let i = 0; i < count; i++) {
        const row = scores.subarray(i * visible, (i + 1) * visible)
        const seen = causal ? Math.max(0, Math.min(visible, before + i + 1)) : visible
        for (let j = 0; j < seen; j++) row[j] = row[j]! * scale + (bias === undefined ? 0 : bias[kv + j]!)
        if (chosen !== undefined) for (let j = 0; j < seen; j++) if (chosen[kv + j] === 0) row[j] = -Infinity
        lseOut[h * queries + q0 + i] = softmaxRow(row, seen, sequential)
        if (mass !== undefined) for (let j = 0; j < seen; j++) massOut[h * capacity + j]! += row[j]!
      }
      const weights = { data: scores, offset: 0, rowStride: visible, columnStride: 1 }
      gemm(count, headDim, visible, weights, held, values, sequential, start)
    }
  }
  if (lse !== undefined) writeNumbers(lseOut, lse.type, lse.data)
  if (mass !== undefined) {
    const before = numbersOf(mass)
    writeNumbers(
      massOut.map((received, i) => received + before[i]!),
      mass.type,
      mass.data,
    )
  }
  return done()
}

/** Turns scores into weights in place, zeros past `seen`, and returns their log-sum-exp. */
function softmaxRow(row: Float32Array, seen: number, sequential: boolean): number {
  const [exp, log] = sequential ? [portableExp, portableLog] : [Math.exp, Math.log]
  let max = -Infinity
  for (let j = 0; j < seen; j++) max = Math.max(max, row[j]!)
  row.fill(0, max === -Infinity ? 0 : seen)
  if (max === -Infinity) return -Infinity
  let sum = 0
  for (let j = 0; j < seen; j++) sum += row[j] = exp(row[j]! - max)
  for (let j = 0; j < seen; j++) row[j]! /= sum
  return max + log(sum)
}

/** (kvHeads · capacity) one where a head may look. */
function chosenKeys(keyIndex: Tensor, kvHeads: number, capacity: number): Uint8Array {
  const chosen = new Uint8Array(kvHeads * capacity)
  const indices = numbersOf(keyIndex)
  const each = indices.length / kvHeads
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!
    if (!(Number.isInteger(index) && index >= 0 && index < capacity)) {
      throw new ShapeError(`[attention] expected key indices from 0 to ${capacity - 1}, got ${index}`)
    }
    chosen[Math.floor(i / each) * capacity + index] = 1
  }
  return chosen
}

function checkDims(q: Tensor, k: Tensor | Encoded, v: Tensor | Encoded, options: AttentionOptions): void {
  const [heads = 0, queries = 0, headDim = 0] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  const { length = capacity, logWeight, keyIndex, lse, mass } = options
  const fits =
    q.dims.length === 3 &&
    kvHeads > 0 &&
    heads % kvHeads === 0 &&
    sameDims(k.dims, [kvHeads, capacity, headDim]) &&
    sameDims(v.dims, k.dims) &&
    Number.isInteger(length) &&
    length >= 0 &&
    length <= capacity
  if (!fits) {
    throw new ShapeError(
      `[attention] expected q (heads, queries, headDim), k and v (kvHeads, tokens, headDim), kvHeads dividing heads, ` +
        `length ≤ tokens, got [${q.dims}], [${k.dims}], [${v.dims}], length ${length}`,
    )
  }
  const expect = (name: string, given: Tensor | undefined, dims: readonly number[]) => {
    if (given !== undefined && !sameDims(given.dims, dims)) {
      throw new ShapeError(`[attention] expected ${name} of [${dims}], got [${given.dims}]`)
    }
  }
  expect('logWeight', logWeight, [kvHeads, capacity])
  expect('keyIndex', keyIndex, [kvHeads, keyIndex?.dims[1] ?? 0])
  expect('lse', lse, [heads, queries])
  expect('mass', mass, [heads, capacity])
}
