import type { DeviceKernels, MatmulOptions, Order, Out } from '../../device/kernels.ts'
import type { Encoded, LinearOptions } from '../../encoded/encoded.ts'
import { sameDims, sizeOf } from '../../tensor/dims.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { output } from '../output.ts'
import { floatCodes, type Primitives } from '../primitives.ts'

const TRANSPOSE_A = 1
const TRANSPOSE_B = 2
const ACCUMULATE = 4
const SEQUENTIAL = 8

/** `matmul`, `gram`, and `linear` on weights that need no packing. */
export function products(primitives: Primitives): DeviceKernels {
  return {
    matmul(a, b, options = {}) {
      const { transposeA = false, transposeB = false, order = 'free' } = options
      const shape = matmulShape(a, b, options)
      if (shape === undefined || a.type !== 'float32' || b.type !== 'float32') return undefined
      const { dims, batch, m, n, k } = shape
      const result = output(a.device, dims, options, [a, b], { aliasing: 'apart', adds: true })
      if (result === undefined) return undefined
      const flags =
        (transposeA ? TRANSPOSE_A : 0) |
        (transposeB ? TRANSPOSE_B : 0) |
        (result.accumulate ? ACCUMULATE : 0) |
        (order === 'sequential' ? SEQUENTIAL : 0)
      // In sequence the sum is complete before it is added: then a temporary of its own, by the reference.
      if (result.accumulate && order === 'sequential') return undefined
      primitives.run('gemm', [result.y], [a, b], [batch, m, n, k, m * k, k * n, m * n, flags])
      return result.done()
    },

    gram(x: Tensor, options: Out & Order = {}) {
      const d = x.dims.at(-1)
      if (d === undefined || x.type !== 'float32') return undefined
      if (options.accumulate && options.order === 'sequential') return undefined
      const result = output(x.device, [d, d], options, [x], { aliasing: 'apart', adds: true })
      if (result === undefined) return undefined
      const samples = d === 0 ? 0 : x.size / d
      const flags =
        TRANSPOSE_A | (result.accumulate ? ACCUMULATE : 0) | (options.order === 'sequential' ? SEQUENTIAL : 0)
      primitives.run('gemm', [result.y], [x, x], [1, d, d, samples, 0, 0, 0, flags])
      return result.done()
    },

    linearDense(x, w, options = {}) {
      const { values } = w.parts
      if (!(values instanceof Tensor) || w.type !== 'float32') return undefined
      const type = floatCode(values)
      return type === undefined
        ? undefined
        : linearBy(x, w, options, (y, { m, n, k }, accumulate) =>
            primitives.run('linearDense', [y], [x, values], [m, n, k, type, accumulate]),
          )
    },

    linearSparse(x, w, options = {}) {
      const { values, index } = w.parts
      const { pattern, n: kept, m: group } = w.meta
      if (pattern !== 'nOfM' || kept !== 2 || group !== 4 || w.dims[1]! % 8 !== 0) return undefined
      if (!(values instanceof Tensor && index instanceof Tensor)) return undefined
      const type = floatCode(values)
      return type === undefined || type > floatCodes.float16
        ? undefined
        : linearBy(x, w, options, (y, { m, n, k }, accumulate) =>
            primitives.run('linearTwoOfFour', [y], [x, values, index], [m, n, k, type, accumulate]),
          )
    },
  }
}

export interface LinearShape {
  readonly m: number
  readonly n: number
  readonly k: number
}

/**
 * x·wᵀ by a primitive.
 *
 * @returns undefined where the primitives do not apply: w transposed, sums in sequence, other dtypes
 */
export function linearBy(
  x: Tensor,
  w: Encoded,
  options: LinearOptions,
  run: (y: Tensor, shape: LinearShape, accumulate: number) => void,
): Tensor | undefined {
  const [n, k] = w.dims as [number, number]
  if (x.type !== 'float32' || options.transpose || options.order === 'sequential') return undefined
  const batchDims = x.dims.slice(0, -1)
  const result = output(x.device, [...batchDims, n], options, [x], { aliasing: 'apart', adds: true })
  if (result === undefined) return undefined
  run(result.y, { m: sizeOf(batchDims), n, k }, result.accumulate)
  return result.done()
}

function floatCode({ type }: Tensor): number | undefined {
  return type in floatCodes ? floatCodes[type as keyof typeof floatCodes] : undefined
}

/** What core's `matmul` multiplies, or undefined where it would refuse. */
function matmulShape(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions,
): (LinearShape & { dims: number[]; batch: number }) | undefined {
  const fold = b.dims.length === 2 && !transposeA
  if (a.dims.length < (fold ? 1 : 2) || b.dims.length < 2) return undefined
  const batchDims = fold ? [] : a.dims.slice(0, -2)
  if (!fold && !sameDims(batchDims, b.dims.slice(0, -2))) return undefined
  const aColumns = a.dims.at(-1)!
  const aRows = fold ? sizeOf(a.dims.slice(0, -1)) : a.dims.at(-2)!
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns]
  const [inner, n] = transposeB ? [b.dims.at(-1)!, b.dims.at(-2)!] : [b.dims.at(-2)!, b.dims.at(-1)!]
  if (k !== inner) return undefined
  const dims = fold ? [...a.dims.slice(0, -1), n] : [...batchDims, m, n]
  return { dims, batch: sizeOf(batchDims), m, n, k }
}
