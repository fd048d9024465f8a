import type { DeviceKernels } from '../../device/kernels.ts'
import { ropeLayouts, ropeScale } from '../../reference/rope.ts'
import { numbersOf } from '../../tensor/convert.ts'
import { aroundAxis } from '../../tensor/dims.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { output, room } from '../output.ts'
import { type Primitives, reduceOps } from '../primitives.ts'

/** What works row by row: `softmax`, `rmsNorm`, `layerNorm`, `rope`, `reduce`, `topK` and `hadamard`. */
export function rows(primitives: Primitives): DeviceKernels {
  return {
    softmax(x, options = {}) {
      const columns = x.dims.at(-1)
      if (columns === undefined || x.type !== 'float32') return undefined
      const result = output(x.device, x.dims, options, [x], { aliasing: 'inPlace' })
      if (result === undefined) return undefined
      primitives.run('softmax', [result.y], [x], [rowsOf(x), columns])
      return result.done()
    },

    rmsNorm(x, weight, options) {
      const columns = x.dims.at(-1)
      if (columns === undefined || weight.size !== columns) return undefined
      if (x.type !== 'float32' || weight.type !== 'float32' || !Number.isFinite(options.epsilon))
        return undefined
      const result = output(x.device, x.dims, options, [x], { aliasing: 'inPlace' })
      if (result === undefined) return undefined
      primitives.run('rmsNorm', [result.y], [x, weight], [rowsOf(x), columns, options.epsilon])
      return result.done()
    },

    layerNorm(x, weight, { bias, ...options }) {
      const columns = x.dims.at(-1)
      if (columns === undefined || weight.size !== columns) return undefined
      if (bias !== undefined && (bias.size !== columns || bias.type !== 'float32')) return undefined
      if (x.type !== 'float32' || weight.type !== 'float32' || !Number.isFinite(options.epsilon))
        return undefined
      const result = output(x.device, x.dims, options, [x], { aliasing: 'inPlace' })
      if (result === undefined) return undefined
      primitives.run('layerNorm', [result.y], [x, weight, bias], [rowsOf(x), columns, options.epsilon])
      return result.done()
    },

    rope(x, options) {
      const { positions, frequencies, layout } = options
      const [tokens = 0, headDim = 0] = x.dims.slice(-2)
      const pairs = frequencies.size
      const fits = x.dims.length >= 2 && positions.size === tokens && 2 * pairs <= headDim
      if (!fits || x.type !== 'float32' || !ropeLayouts.includes(layout)) return undefined
      const scale = ropeScale(options)
      const result = output(x.device, x.dims, options, [x], { aliasing: 'inPlace' })
      if (result === undefined) return undefined
      const angles = anglesOf(positions, frequencies, scale)
      const cos = x.device.upload(angles.cos)
      const sin = x.device.upload(angles.sin)
      const [near, far] = layout === 'half' ? [1, pairs] : [2, 1]
      primitives.run('rotate', [result.y], [x, cos, sin], [rowsOf(x), tokens, headDim, pairs, near, far, 1])
      cos.dispose()
      sin.dispose()
      return result.done()
    },

    reduce(op, x, options) {
      const index = reduceOps.indexOf(op)
      if (x.type !== 'float32' || options.order === 'sequential' || index < 0) return undefined
      const { outer, length, inner, axis } = aroundAxis(x.dims, options.axis, 'reduce')
      const dims = x.dims.filter((_, i) => i !== axis)
      const result = output(x.device, dims, options, [x], { aliasing: 'apart' })
      if (result === undefined) return undefined
      primitives.run('reduce', [result.y], [x], [index, outer, length, inner])
      return result.done()
    },

    topK(x, { k, sorted = true }) {
      const n = x.dims.at(-1)
      if (n === undefined || !Number.isInteger(k) || k < 0 || k > n) return undefined
      if (x.type !== 'float32' || !sorted) return undefined
      const dims = [...x.dims.slice(0, -1), k]
      const values = room(x.device, 'float32', dims)
      const indices = room(x.device, 'int32', dims)
      primitives.run('topK', [values, indices], [x], [rowsOf(x), n, k])
      return { values, indices }
    },

    hadamard(x, options = {}) {
      const { signs, inverse = false } = options
      const n = x.dims.at(-1)
      if (n === undefined || x.type !== 'float32') return undefined
      if (signs !== undefined && (signs.size !== n || signs.type !== 'float32')) return undefined
      const result = output(x.device, x.dims, options, signs === undefined ? [x] : [x, signs], {
        aliasing: signs === undefined ? 'inPlace' : 'apart',
      })
      if (result === undefined) return undefined
      primitives.run('hadamard', [result.y], [x, signs], [rowsOf(x), n, inverse ? 1 : 0])
      return result.done()
    },
  }
}

function rowsOf(x: Tensor): number {
  const columns = x.dims.at(-1)!
  return columns === 0 ? 0 : x.size / columns
}

/** (tokens, pairs) cosines and sines times their scales, each rounded once from float64. */
function anglesOf(
  positions: Tensor,
  frequencies: Tensor,
  scale: ReturnType<typeof ropeScale>,
): { cos: Tensor; sin: Tensor } {
  const at = numbersOf(positions)
  const turn = numbersOf(frequencies)
  const cos = new Float32Array(at.length * turn.length)
  const sin = new Float32Array(cos.length)
  for (let t = 0; t < at.length; t++) {
    for (let p = 0; p < turn.length; p++) {
      const angle = at[t]! * turn[p]!
      cos[t * turn.length + p] = Math.cos(angle) * scale.cos
      sin[t * turn.length + p] = Math.sin(angle) * scale.sin
    }
  }
  const dims = [at.length, turn.length]
  return { cos: new Tensor('float32', cos, dims), sin: new Tensor('float32', sin, dims) }
}
