import { kernel, type SegmentAttentionOptions, ShapeError, sameDims, type Tensor } from '@tersor/core-tensor'
import { binary, matmul, reduce } from '@tersor/core-tensor/reference'
import { floatData } from './float-data.ts'
import {
  attendBlock,
  blocksOf,
  checkSegments,
  headsOf,
  joinHeads,
  putRows,
  splitHeads,
} from './segment-attention.ts'

/**
 * Gradients of {@link segmentAttention}, with the probabilities P computed again block by block, so
 * that no score is kept (Dao et al., 2022, arXiv:2205.14135):
 *
 *     dV = Pᵀ·dO,  dP = dO·Vᵀ,  dS = P ⊙ (dP − rowsum(dO ⊙ O)),  dQ = scale · dS·K,  dK = scale · dSᵀ·Q.
 *
 * P comes from a softmax again and not from the log-sum-exp of the forward pass: that is one kernel
 * instead of two, and the forward pass need not write it.
 *
 * @param options.q, options.k, options.v, options.o  what attention was given and gave
 * @param dO  (rows, heads · headDim)
 * @returns dq (rows, heads · headDim), dk and dv (rows, kvHeads · headDim), with respect to the rotated q and k
 * @throws {ShapeError} when shapes or borders do not fit
 */
export const attentionBackward = /* @__PURE__ */ kernel('attentionBackward', attentionBackwardReference)

function attentionBackwardReference(
  dO: Tensor,
  options: SegmentAttentionOptions & { q: Tensor; k: Tensor; v: Tensor; o: Tensor },
): { dq: Tensor; dk: Tensor; dv: Tensor } {
  const { q, k, v, o, heads, kvHeads, headDim, borders } = options
  checkSegments(q, k, v, options)
  if (!sameDims(o.dims, q.dims) || !sameDims(dO.dims, q.dims)) {
    throw new ShapeError(
      `[distill/attention-backward] expected o and its gradient as q [${q.dims}], got [${o.dims}] and [${dO.dims}]`,
    )
  }
  const { device } = q
  const scale = options.scale ?? 1 / Math.sqrt(headDim)
  const [dq, dk, dv] = [q, k, v].map(x => device.empty(x.type, x.dims)) as [Tensor, Tensor, Tensor]
  for (const block of blocksOf(borders)) {
    device.scope(() => {
      const { start, from, to } = block
      const rows = heads * (to - from)
      const { queries, keys, values, probabilities } = attendBlock(q, k, v, block, options)
      const slopes = splitHeads(dO.rows(from, to), heads)
      const outputs = splitHeads(o.rows(from, to), heads)
      const shares = reduce('sum', binary('mul', slopes, outputs), { axis: -1 })
      const dOut = slopes.reshape(queries.dims) // (kvHeads, group · m, headDim)

      const valueSlopes = matmul(probabilities, dOut, { transposeA: true })
      const changes = matmul(dOut, values, { transposeB: true }).reshape([rows, to - start])
      const dScores = binary('sub', changes, shares.reshape([rows, 1])).reshape(probabilities.dims)
      binary('mul', dScores, probabilities, { out: dScores })
      const querySlopes = matmul(dScores, keys)
      const keySlopes = matmul(dScores, queries, { transposeA: true }) // queries carry the scale

      scaleBy(querySlopes, scale)
      putRows(joinHeads(headsOf(querySlopes, heads)), dq, from)
      for (const [part, sum] of [
        [keySlopes, dk],
        [valueSlopes, dv],
      ] as const) {
        const seen = sum.rows(start, to)
        binary('add', seen, joinHeads(headsOf(part, kvHeads)), { out: seen })
      }
    })
  }
  return { dq, dk, dv }
}

function scaleBy(x: Tensor, factor: number): void {
  const data = floatData(x, 'distill/attention-backward')
  for (let i = 0; i < data.length; i++) data[i]! *= factor
}
