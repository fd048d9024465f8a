import type { DeviceKernels, SegmentAttentionOptions } from '../../device/kernels.ts'
import { sameDims } from '../../tensor/dims.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { room } from '../output.ts'
import type { PrimitiveSignatures, Primitives } from '../primitives.ts'

/** Rows whose shares of a norm's gradient are summed together. */
const NORM_ROWS = 64

/** The training group: attention within documents, backward passes, and the loss, in float32. */
export function training(primitives: Primitives): DeviceKernels {
  return {
    segmentAttention(q, k, v, options) {
      const segments = segmentsOf([q], [k, v], options)
      if (segments === undefined) return undefined
      const { borders, scalars } = segments
      const o = room(q.device, 'float32', q.dims)
      primitives.run('segmentAttention', [o], [q, k, v, borders], scalars)
      borders.dispose()
      return o
    },

    attentionBackward(dO, options) {
      const { q, k, v, o } = options
      const segments = segmentsOf([q, o, dO], [k, v], options)
      if (segments === undefined) return undefined
      const { borders, scalars } = segments
      const [dq, dk, dv] = [q, k, v].map(({ device, dims }) => room(device, 'float32', dims)) as Three
      primitives.run('attentionBackward', [dq, dk, dv], [q, k, v, o, dO, borders], scalars)
      borders.dispose()
      return { dq, dk, dv }
    },

    rotateHeads(x, { cos, sin, layout }) {
      const [rows = 0, width = 0] = x.dims
      const [positions = 0, pairs = 0] = cos.dims
      const heads = width / (2 * pairs)
      const fits =
        x.dims.length === 2 &&
        cos.dims.length === 2 &&
        sameDims(sin.dims, cos.dims) &&
        Number.isInteger(heads) &&
        rows % positions === 0 &&
        allFloat32([x, cos, sin])
      if (!fits) return undefined
      const [near, far] = layout === 'half' ? [1, pairs] : [2, 1]
      primitives.run(
        'rotate',
        [x],
        [x, cos, sin],
        [rows * heads, positions, 2 * pairs, pairs, near, far, heads],
      )
      return x
    },

    rmsNormBackward(x, weight, dy, { epsilon, weightGradient, residual }) {
      const columns = x.dims.at(-1) ?? 0
      const fits =
        columns > 0 &&
        weight.size === columns &&
        weightGradient.size === columns &&
        [dy, residual ?? dy].every(other => sameDims(other.dims, x.dims)) &&
        allFloat32([x, weight, dy, weightGradient, residual ?? dy])
      if (!fits) return undefined
      const { device } = x
      const rows = x.size / columns
      const dx = room(device, 'float32', x.dims)
      const sums = room(device, 'float32', [Math.ceil(rows / NORM_ROWS), columns])
      primitives.run(
        'rmsNormBackward',
        [dx, sums],
        [x, weight, dy, residual],
        [rows, columns, epsilon, NORM_ROWS],
      )
      const parts = sums.data as Float32Array
      const totals = weightGradient.data as Float32Array
      for (let column = 0; column < columns; column++) {
        let total = totals[column]!
        for (let at = column; at < parts.length; at += columns) total += parts[at]!
        totals[column] = total
      }
      sums.dispose()
      return dx
    },

    swiglu(gate, up) {
      if (!sameDims(gate.dims, up.dims) || !allFloat32([gate, up])) return undefined
      const a = room(gate.device, 'float32', gate.dims)
      primitives.run('swiglu', [a], [gate, up], [gate.size])
      return a
    },

    swigluBackward(gate, up, da) {
      const { device, dims, size } = gate
      if (![up, da].every(other => sameDims(other.dims, dims)) || !allFloat32([gate, up, da]))
        return undefined
      const [gateGradient, upGradient, value] = [0, 1, 2].map(() => room(device, 'float32', dims)) as Three
      primitives.run('swigluBackward', [gateGradient, upGradient, value], [gate, up, da], [size])
      return { gateGradient, upGradient, value }
    },

    crossEntropy(logits, targets, { weights, total } = {}) {
      const [rows = 0, columns = 0] = logits.dims
      const fits =
        logits.dims.length === 2 &&
        targets.length === rows &&
        (weights === undefined || weights.length === rows) &&
        logits.type === 'float32'
      if (!fits) return undefined
      const rowWeights = Float64Array.from({ length: rows }, (_, row) => weights?.[row] ?? 1)
      const divisor = total ?? rowWeights.reduce((sum, weight) => sum + weight, 0)
      for (let row = 0; row < rows; row++) {
        const inside = Number.isInteger(targets[row]) && targets[row]! >= 0 && targets[row]! < columns
        if (rowWeights[row] !== 0 && !inside) return undefined
      }
      const { device } = logits
      const losses = room(device, 'float32', [rows])
      const gradient = room(device, 'float32', logits.dims)
      const entries = device.upload(new Tensor('int32', Int32Array.from(targets), [rows]))
      const shares = rowWeights.map(weight => (divisor === 0 ? 0 : weight / divisor))
      const factors = device.upload(new Tensor('float32', Float32Array.from(shares), [rows]))
      primitives.run('crossEntropy', [losses, gradient], [logits, entries, factors], [rows, columns])
      let loss = 0
      const each = losses.data as Float32Array
      for (let row = 0; row < rows; row++) loss += shares[row]! * each[row]!
      for (const tensor of [losses, entries, factors]) tensor.dispose()
      return { loss, gradient }
    },
  }
}

type Three = [Tensor, Tensor, Tensor]

function allFloat32(tensors: readonly Tensor[]): boolean {
  return tensors.every(({ type }) => type === 'float32')
}

/** Borders on the device, and sizes; undefined where something does not fit. */
function segmentsOf(
  queries: readonly Tensor[],
  keys: readonly Tensor[],
  { heads, kvHeads, headDim, borders, scale = 1 / Math.sqrt(headDim) }: SegmentAttentionOptions,
): { borders: Tensor; scalars: PrimitiveSignatures['segmentAttention'][2] } | undefined {
  const rows = queries[0]!.dims[0]
  let longest = 0
  let ascending = borders[0] === 0 && borders[borders.length - 1] === rows
  for (let s = 1; s < borders.length; s++) {
    const length = borders[s]! - borders[s - 1]!
    ascending &&= Number.isInteger(length) && length > 0
    longest = Math.max(longest, length)
  }
  const fits =
    ascending &&
    kvHeads > 0 &&
    heads % kvHeads === 0 &&
    queries.every(({ dims }) => sameDims(dims, [rows!, heads * headDim])) &&
    keys.every(({ dims }) => sameDims(dims, [rows!, kvHeads * headDim])) &&
    allFloat32([...queries, ...keys])
  if (!fits) return undefined
  const { device } = queries[0]!
  return {
    borders: device.upload(new Tensor('int32', Int32Array.from(borders), [borders.length])),
    scalars: [rows!, heads, kvHeads, headDim, borders.length - 1, longest, scale],
  }
}
