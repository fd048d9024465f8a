import { affine, type Encoded, Tensor, UnsupportedError } from '@tersor/core-tensor'
import type { Layout } from './layout.ts'
import { rowScaled } from './parts/row-scaled.ts'
import { SIGNED_ZERO, signedCodes } from './parts/signed-codes.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * torchao as Transformers 5 flattens it: `_weight_qdata` (out, in), `_weight_scale` (out, groups) and, with zeros,
 * `_weight_zero_point`. Integers of any width are stored as int8; floats are E4M3. w = (code − zero) · scale.
 */
export const torchao: Layout = {
  name: 'torchao',
  methods: ['torchao'],
  mark: '._weight_qdata',
  weight(module) {
    const { dims, dtype } = module.info('._weight_qdata')
    const { dims: scales } = module.info('._weight_scale')
    const [out = 0, columns = 0] = dims
    const [rows = 0, groups = 0] = scales
    const fits =
      dims.length === 2 && scales.length === 2 && (rows === out || rows === 1) && columns % groups === 0
    if (!fits || (dtype !== 'I8' && dtype !== 'F8_E4M3')) {
      throw new UnsupportedError(
        `[formats/torchao] expected int8 or float8 with scales along rows for '${module.name}', got ${dtype} [${dims}] with scales [${scales}], an order for one kernel; save it unpacked (UNPACKED_TO_INT8)`,
      )
    }
    return {
      dims,
      parts: ['._weight_qdata', '._weight_scale', ...module.present(['._weight_zero_point'])],
      load: () => (dtype === 'I8' ? loadIntegers(module, columns / groups) : loadFloats(module, groups)),
    }
  },
}

async function loadIntegers(module: StoredModule, group: number): Promise<Encoded> {
  const dims = module.matrix('._weight_qdata')
  const scale = await module.read('._weight_scale')
  const zero = module.has('._weight_zero_point')
    ? await module.floats('._weight_zero_point')
    : new Float32Array(1)
  if (zero.length !== 1 && zero.length !== scale.size)
    throw module.malformed(`expected as many zeros as scales, got ${zero.length} and ${scale.size}`)
  if (!zero.every(value => Number.isInteger(value) && value >= -SIGNED_ZERO && value < SIGNED_ZERO))
    throw module.malformed('expected zeros that int8 can hold')
  const zeros = Uint8Array.from(zero, value => value + SIGNED_ZERO)
  return affine(
    {
      codes: signedCodes(await module.bytes('._weight_qdata'), dims),
      scale,
      zero: new Tensor('uint8', zeros, zero.length === 1 ? [1, 1] : scale.dims),
    },
    { dims, bits: 8, group, axis: 1 },
  )
}

async function loadFloats(module: StoredModule, groups: number): Promise<Encoded> {
  if (groups !== 1) throw module.malformed(`expected one scale for each row of float8, got ${groups}`)
  return rowScaled(await module.read('._weight_qdata'), await module.read('._weight_scale'))
}
