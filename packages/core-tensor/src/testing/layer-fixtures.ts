import { decode, type Encoded } from '../encoded/encoded.ts'
import { gram } from '../reference/gram.ts'
import { matmul } from '../reference/matmul.ts'
import { Rng } from '../rng.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { sizeOf } from '../tensor/dims.ts'
import { Tensor } from '../tensor/tensor.ts'

/**
 * Standard normal numbers.
 *
 * @example
 * normals([2, 3], 1).dims // => [2, 3]
 */
export function normals(dims: readonly number[], seed: number): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Float32Array.from({ length: sizeOf(dims) }, () => rng.normal()),
    dims,
  )
}

/**
 * Inputs of a layer whose columns depend on a few common causes and are of different size, as activations are. The causes are the
 * same for every seed, so that what calibrates on one sample can be judged on another.
 *
 * @returns (samples, columns)
 * @example
 * layerInputs(96, 1, { samples: 10 }).dims // => [10, 96]
 */
export function layerInputs(
  columns: number,
  seed: number,
  { samples = 400 }: { samples?: number | undefined } = {},
): Tensor {
  const causes = matmul(normals([samples, 16], seed), normals([16, columns], 777), { order: 'sequential' })
  const own = toFloat32(normals([samples, columns], seed + 1_000_000))
  const mixed = toFloat32(causes).map((value, i) => (value + own[i]!) * (1 + ((i % columns) % 7) / 3))
  return new Tensor('float32', mixed, [samples, columns])
}

/**
 * The Gram matrix of inputs, as calibration gathers it.
 *
 * @returns (columns, columns) float64
 * @example
 * gramOf(layerInputs(8, 1)).type // => 'float64'
 */
export function gramOf(x: Tensor): Tensor {
  const columns = x.dims.at(-1)!
  const out = new Tensor('float64', new Float64Array(columns * columns), [columns, columns])
  return gram(x, { out, accumulate: true })
}

/**
 * What a layer's output loses: ‖x·(W − Ŵ)ᵀ‖² / ‖x·Wᵀ‖².
 *
 * @example
 * const weight = normals([4, 8], 1)
 * outputError(layerInputs(8, 2), weight, dense(weight)) // => 0
 */
export function outputError(x: Tensor, weight: Tensor, compressed: Tensor | Encoded): number {
  const back = toFloat32(decode(compressed))
  const difference = new Tensor(
    'float32',
    toFloat32(weight).map((value, i) => value - back[i]!),
    weight.dims,
  )
  const energy = (w: Tensor) =>
    toFloat32(matmul(x, w, { transposeB: true })).reduce((sum, y) => sum + y * y, 0)
  return energy(difference) / energy(weight)
}
