import { kernel, type SegmentAttentionOptions, ShapeError, type Tensor } from '@tersor/core-tensor'
import { attention, matmul, softmax, transpose } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'

/**
 * Queries that are worked on together. Their scores (heads · 128 rows of as many keys as they see)
 * stay in the second cache, and keys after them are never read.
 */
const BLOCK = 128

/**
 * Causal attention within documents that are packed side by side: a row attends to the rows before
 * it back to the border of its document. Query head h reads key head ⌊h · kvHeads / heads⌋.
 *
 * float32 uses the device's attention; float64, which that has not, products and a softmax.
 *
 * @param q  (rows, heads · headDim), rotated
 * @param k  (rows, kvHeads · headDim), rotated
 * @param v  (rows, kvHeads · headDim)
 * @returns (rows, heads · headDim)
 * @throws {ShapeError} when shapes or borders do not fit
 */
export const segmentAttention = /* @__PURE__ */ kernel('segmentAttention', segmentAttentionReference)

function segmentAttentionReference(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: SegmentAttentionOptions,
): Tensor {
  checkSegments(q, k, v, options)
  const { heads, kvHeads, headDim, borders } = options
  const scale = options.scale ?? 1 / Math.sqrt(headDim)
  const out = q.device.empty(q.type, q.dims)
  if (q.type === 'float64') {
    for (const block of blocksOf(borders)) {
      q.device.scope(() => {
        const { probabilities, values } = attendBlock(q, k, v, block, options)
        putRows(joinHeads(headsOf(matmul(probabilities, values), heads)), out, block.from)
      })
    }
    return out
  }
  for (let s = 0; s + 1 < borders.length; s++) {
    const [from, to] = [borders[s]!, borders[s + 1]!]
    q.device.scope(() => {
      const attended = attention(
        splitHeads(q.rows(from, to), heads),
        splitHeads(k.rows(from, to), kvHeads),
        splitHeads(v.rows(from, to), kvHeads),
        { scale, causal: true },
      )
      putRows(joinHeads(attended), out, from)
    })
  }
  return out
}

/** Some queries of a document: rows `from` to `to`, which see the rows from `start` on. */
export interface Block {
  readonly start: number
  readonly from: number
  readonly to: number
}

/** Documents cut into blocks of queries. */
export function blocksOf(borders: ArrayLike<number>): Block[] {
  const blocks: Block[] = []
  for (let s = 0; s + 1 < borders.length; s++) {
    for (let from = borders[s]!; from < borders[s + 1]!; from += BLOCK) {
      blocks.push({ start: borders[s]!, from, to: Math.min(from + BLOCK, borders[s + 1]!) })
    }
  }
  return blocks
}

/**
 * What attention within one block computes on the way. The query heads that share a key head are
 * rows of one product.
 *
 * @returns queries (kvHeads, group · m, headDim), already scaled; keys and values (kvHeads, n, headDim);
 *   probabilities (kvHeads, group · m, n)
 */
export function attendBlock(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { start, from, to }: Block,
  options: SegmentAttentionOptions,
): { queries: Tensor; keys: Tensor; values: Tensor; probabilities: Tensor } {
  const { heads, kvHeads, headDim } = options
  const scale = options.scale ?? 1 / Math.sqrt(headDim)
  const [m, n] = [to - from, to - start]
  const queries = splitHeads(q.rows(from, to), heads).reshape([kvHeads, (heads / kvHeads) * m, headDim])
  const data = floatData(queries, 'distill/attention')
  for (let i = 0; i < data.length; i++) data[i]! *= scale
  const keys = splitHeads(k.rows(start, to), kvHeads)
  const values = splitHeads(v.rows(start, to), kvHeads)
  const scores = matmul(queries, keys, { transposeB: true })
  hideFuture(scores, m, n)
  return { queries, keys, values, probabilities: softmax(scores, { out: scores }) }
}

/** Query i of m, the last of n keys: nothing after key n − m + i. One fill a row, in place. */
function hideFuture(scores: Tensor, m: number, n: number): void {
  const data = floatData(scores, 'distill/attention')
  for (let row = 0; row * n < data.length; row++) {
    data.fill(-Infinity, row * n + n - m + (row % m) + 1, (row + 1) * n)
  }
}

/** (rows, heads · headDim) to (heads, rows, headDim) */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [rows, width] = x.dims as [number, number]
  return transpose(x.reshape([rows, heads, width / heads]), [1, 0, 2])
}

/** (heads, rows, headDim) to (rows, heads · headDim) */
export function joinHeads(x: Tensor): Tensor {
  const [heads, rows, headDim] = x.dims as [number, number, number]
  return transpose(x, [1, 0, 2]).reshape([rows, heads * headDim])
}

/** (kvHeads, group · m, headDim) to (heads, m, headDim) */
export function headsOf(x: Tensor, heads: number): Tensor {
  return x.reshape([heads, x.size / heads / x.dims.at(-1)!, x.dims.at(-1)!])
}

/** Writes `x` over the rows of `out` from `at` on. */
export function putRows(x: Tensor, out: Tensor, at: number): void {
  const where = 'distill/attention'
  floatData(out.rows(at, at + x.dims[0]!), where).set(floatData(x, where))
}

/** @throws {ShapeError} when shapes or borders do not fit */
export function checkSegments(q: Tensor, k: Tensor, v: Tensor, options: SegmentAttentionOptions): void {
  const { heads, kvHeads, headDim, borders } = options
  const rows = q.dims[0]
  const fits =
    heads % kvHeads === 0 &&
    q.dims.join() === [rows, heads * headDim].join() &&
    k.dims.join() === [rows, kvHeads * headDim].join() &&
    v.dims.join() === k.dims.join()
  if (!fits) {
    throw new ShapeError(
      `[distill/attention] expected q (rows, ${heads} · ${headDim}), k and v (rows, ${kvHeads} · ${headDim}), ` +
        `got [${q.dims}], [${k.dims}] and [${v.dims}]`,
    )
  }
  const ascending = Array.from(borders).every((border, i) =>
    i === 0 ? border === 0 : Number.isInteger(border) && border > borders[i - 1]!,
  )
  if (!ascending || borders[borders.length - 1] !== rows) {
    throw new ShapeError(
      `[distill/attention] expected borders that ascend from 0 to ${rows}, got [${Array.from(borders)}]`,
    )
  }
}
