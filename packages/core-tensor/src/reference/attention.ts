import { numbersOf } from '../convert.ts'
import { decode, type Encoded } from '../encoded.ts'
import { ShapeError } from '../errors.ts'
import { exp as portableExp } from '../portable-math.ts'
import { type AttentionOptions, kernel } from '../kernels.ts'
import type { Tensor } from '../tensor.ts'
import { gemm } from './gemm.ts'
import { floats } from './matmul.ts'
import { output } from './output.ts'
import { rope } from './rope.ts'

/** Queries whose scores are held at a time. */
const QUERY_BLOCK = 64

/**
 * Scaled dot-product attention, softmax(scale · q·kᵀ + logWeight)·v, with grouped query heads:
 * query head h reads key head ⌊h · kvHeads / heads⌋. A query that sees no key gives zeros.
 *
 * @param q  (heads, queries, headDim), rotated
 * @param k  (kvHeads, tokens, headDim), a tensor or an encoding; rotated unless `rope` is given
 * @param v  (kvHeads, tokens, headDim), likewise
 * @returns (heads, queries, headDim) float32
 */
export const attention = /* @__PURE__ */ kernel('attention', attentionReference)

function attentionReference(q: Tensor, k: Tensor | Encoded, v: Tensor | Encoded, options: AttentionOptions): Tensor {
  const [heads, queries, headDim] = q.dims as [number, number, number]
  const [kvHeads, capacity] = k.dims as [number, number]
  const { length = capacity, causal = false, order = 'free', lse, mass, logWeight, keyIndex } = options
  checkDims(q, k, v, length)
  const { values, done } = output('attention', q.device, 'float32', q.dims, options)
  const query = floats(q)
  const key = floats(rotated(decode(k), options))
  const value = floats(decode(v))
  const bias = logWeight === undefined ? undefined : floats(logWeight)
  const chosen = keyIndex === undefined ? undefined : chosenKeys(keyIndex, kvHeads, capacity)
  const sequential = order === 'sequential'
  const scores = new Float32Array(Math.min(QUERY_BLOCK, queries) * length)
  const lseOut = new Float32Array(heads * queries)
  const massOut = new Float64Array(mass === undefined ? 0 : heads * capacity)

  for (let h = 0; h < heads; h++) {
    const kv = Math.floor((h * kvHeads) / heads) * capacity
    for (let q0 = 0; q0 < queries; q0 += QUERY_BLOCK) {
      const count = Math.min(QUERY_BLOCK, queries - q0)
      const offset = length - queries + q0
      const visible = causal ? Math.max(0, Math.min(length, offset + count)) : length
      const rows = { data: query, offset: (h * queries + q0) * headDim, rowStride: headDim, columnStride: 1 }
      const keys = { data: key, offset: kv * headDim, rowStride: 1, columnStride: headDim }
      gemm(count, visible, headDim, rows, keys, scores, sequential)
      for (let i = 0; i < count; i++) {
        const row = scores.subarray(i * visible, (i + 1) * visible)
        const seen = causal ? Math.max(0, Math.min(visible, offset + i + 1)) : visible
        for (let j = 0; j < seen; j++) row[j] = row[j]! * options.scale + (bias === undefined ? 0 : bias[kv + j]!)
        if (chosen !== undefined) for (let j = 0; j < seen; j++) if (chosen[kv + j] === 0) row[j] = -Infinity
        lseOut[h * queries + q0 + i] = softmaxRow(row, seen, sequential)
        if (mass !== undefined) for (let j = 0; j < seen; j++) massOut[h * capacity + j]! += row[j]!
      }
      const weights = { data: scores, offset: 0, rowStride: visible, columnStride: 1 }
      const held = { data: value, offset: kv * headDim, rowStride: headDim, columnStride: 1 }
      gemm(count, headDim, visible, weights, held, values, sequential, (h * queries + q0) * headDim)
    }
  }
  store(lse, lseOut, false)
  store(mass, massOut, true)
  return done()
}

/** Turns scores into weights in place, zeros past `seen`, and returns their log-sum-exp. */
function softmaxRow(row: Float32Array, seen: number, sequential: boolean): number {
  const exp = sequential ? portableExp : Math.exp
  let max = -Infinity
  for (let j = 0; j < seen; j++) max = Math.max(max, row[j]!)
  row.fill(0, max === -Infinity ? 0 : seen)
  if (max === -Infinity) return -Infinity
  let sum = 0
  for (let j = 0; j < seen; j++) sum += row[j] = exp(row[j]! - max)
  for (let j = 0; j < seen; j++) row[j]! /= sum
  return max + Math.log(sum)
}

function rotated(k: Tensor, { rope: rotation }: AttentionOptions): Tensor {
  return rotation === undefined ? k : rope(k, rotation)
}

/** (kvHeads · capacity) one where a head may look. */
function chosenKeys(keyIndex: Tensor, kvHeads: number, capacity: number): Uint8Array {
  const chosen = new Uint8Array(kvHeads * capacity)
  const indices = numbersOf(keyIndex)
  const each = indices.length / kvHeads
  for (let i = 0; i < indices.length; i++) {
    if (!(indices[i]! >= 0 && indices[i]! < capacity)) {
      throw new ShapeError(`[attention] expected key indices below ${capacity}, got ${indices[i]}`)
    }
    chosen[Math.floor(i / each) * capacity + indices[i]!] = 1
  }
  return chosen
}

function checkDims(q: Tensor, k: Tensor | Encoded, v: Tensor | Encoded, length: number): void {
  const [heads = 0, , headDim] = q.dims
  const [kvHeads = 0, capacity = 0] = k.dims
  const fits =
    q.dims.length === 3 && k.dims.length === 3 && v.dims.length === 3 && k.dims[2] === headDim && v.dims[2] === headDim &&
    v.dims[0] === kvHeads && v.dims[1] === capacity && kvHeads > 0 && heads % kvHeads === 0 && length >= 0 && length <= capacity
  if (!fits) {
    throw new ShapeError(
      `[attention] expected q (heads, queries, headDim), k and v (kvHeads, tokens, headDim), kvHeads dividing heads, ` +
        `length ≤ tokens, got [${q.dims}], [${k.dims}], [${v.dims}], length ${length}`,
    )
  }
}

function store(out: Tensor | undefined, values: Float32Array | Float64Array, add: boolean): void {
  if (out === undefined) return
  const data = out.data as Float32Array
  if (data.length !== values.length) throw new ShapeError(`[attention] expected ${values.length} elements in lse or mass, got [${out.dims}]`)
  for (let i = 0; i < values.length; i++) data[i] = values[i]! + (add ? data[i]! : 0)
}
