import type { CoreKernels, DecodeOptions, Encoded, Tensor } from '@tersor/core-tensor'
import { decoded, matrixRows, requireDims, rowRange } from '@tersor/core-tensor/host'
import { elementwise } from '../elementwise.ts'
import { storedWeight } from '../stored-weight.ts'
import { webGpuOf } from '../webgpu-device.ts'

/** Affine, codebook and sparse weights, element by element. */
export const dequantize: CoreKernels['dequantize'] = (e: Encoded, options: DecodeOptions = {}): Tensor => {
  const [start, end] = rowRange(e, options)
  const dims = [end - start, ...e.dims.slice(1)]
  const { out } = options
  if (out !== undefined) requireDims(`decode ${e.encoding.kind}`, 'an out', out, dims)
  const { row, skip, width } = matrixRows(e.dims, start, end)
  const stored = storedWeight(e)
  const somewhere = Object.values(stored.inputs).find(tensor => tensor !== undefined)!
  const direct = out !== undefined && e.type === 'float32'
  const y = direct ? out : webGpuOf(somewhere).make('float32', dims)
  elementwise(y, {
    name: 'dequantize',
    variant: stored.key,
    inputs: stored.inputs,
    params: { ...stored.params, first_row: row, skip, width },
    scalar: 'f32',
    element: () => `${stored.globals()}
fn element(i: u32) -> f32 { return weight(p.first_row + i / p.width, p.skip + i % p.width); }
`,
  })
  return direct ? out : decoded(e, y, options)
}
