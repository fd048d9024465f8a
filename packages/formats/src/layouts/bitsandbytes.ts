import { affine, codebook, type Encoded, scaled, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { parseJson } from '../parse-json.ts'
import type { Layout } from './layout.ts'
import { flatGroups } from './parts/flat-groups.ts'
import { SIGNED_ZERO, signedCodes } from './parts/signed-codes.ts'
import { objectOf } from './quantization-config.ts'
import type { StoredModule } from './stored-module.ts'

/** How the state of a weight begins; `nf4` or `fp4` stands behind it. */
const STATE = '.weight.quant_state.bitsandbytes__'

/**
 * 4 bits of bitsandbytes (Dettmers et al., 2023, arXiv:2305.14314): `weight` holds codes of the matrix read row by row, the high nibble
 * first; each block of 64 has a number in `weight.absmax`, and `weight.quant_map` says what codes mean. With double quantization
 * `absmax` is coded in 8 bits itself, and is decoded here. The shape stands in a JSON that is a tensor.
 */
export const bitsandbytes4bit: Layout = {
  name: 'bitsandbytes 4-bit',
  methods: ['bitsandbytes'],
  mark: '.weight.quant_map',
  weight(module) {
    const [state] = module.endings(STATE)
    if (state === undefined) throw module.malformed(`expected a tensor '${STATE}nf4'`)
    const nested = ['.weight.nested_absmax', '.weight.nested_quant_map']
    return {
      dims: dimsOf(module),
      parts: ['.weight', '.weight.absmax', '.weight.quant_map', state, ...module.present(nested)],
      load: () => load4bit(module, state),
    }
  },
}

/** The model knows the shape, and the JSON, which is read later; until then all weights are one row. */
function dimsOf(module: StoredModule): readonly number[] {
  return module.dims ?? [1, 2 * module.info('.weight').byteLength]
}

async function load4bit(module: StoredModule, ending: string): Promise<Encoded> {
  const state = objectOf(parseJson(await module.text(ending), { maxDepth: 8, where: module.where }))
  const { shape, blocksize } = state
  if (!isShape(shape) || typeof blocksize !== 'number' || !Number.isInteger(blocksize) || blocksize < 1)
    throw module.malformed(`expected a shape and a blocksize in '${ending}'`)
  const stored = await module.bytes('.weight')
  if (stored.length !== Math.ceil((shape[0] * shape[1]) / 2) || shape[1] % 2 !== 0)
    throw module.malformed(`expected two codes of [${shape}] in a byte, got ${stored.length} bytes`)
  const swapped = stored.map(byte => (byte >> 4) | (byte << 4))
  const absmax = await absmaxOf(module, state)
  const { group, index } = flatGroups(shape, blocksize)
  if (absmax.length !== Math.ceil((shape[0] * shape[1]) / blocksize))
    throw module.malformed(`expected a number for each ${blocksize} of [${shape}], got ${absmax.length}`)
  const table = await module.floats('.weight.quant_map')
  return codebook(
    {
      codes: new Tensor('uint8', swapped, [shape[0], shape[1] / 2]),
      table: new Tensor('float32', table, [table.length, 1]),
      scale: new Tensor(
        'float32',
        Float32Array.from(index, i => absmax[i]!),
        [shape[0], shape[1] / group],
      ),
    },
    { dims: shape, bits: 4, group, axis: 1 },
  )
}

function isShape(value: unknown): value is readonly [rows: number, columns: number] {
  return (
    Array.isArray(value) && value.length === 2 && value.every(each => Number.isSafeInteger(each) && each > 0)
  )
}

/** The numbers of the blocks: as they are, or out of their own codes. */
async function absmaxOf(
  module: StoredModule,
  state: Readonly<Record<string, unknown>>,
): Promise<Float32Array> {
  if (!module.has('.weight.nested_absmax')) return module.floats('.weight.absmax')
  const { nested_blocksize: size, nested_offset: offset } = state
  if (typeof size !== 'number' || !(size >= 1) || typeof offset !== 'number')
    throw module.malformed('expected nested_blocksize and nested_offset beside nested_absmax')
  const codes = await module.bytes('.weight.absmax')
  const table = await module.floats('.weight.nested_quant_map')
  const outer = await module.floats('.weight.nested_absmax')
  if (table.length < 256 || outer.length !== Math.ceil(codes.length / size))
    throw module.malformed(`expected a table of 256 and a number for each ${size} blocks`)
  const added = Math.fround(offset)
  return Float32Array.from(
    codes,
    (code, i) => Math.fround(table[code]! * outer[Math.floor(i / size)]!) + added,
  )
}

/** LLM.int8 of bitsandbytes (Dettmers et al., 2022, arXiv:2208.07339): `weight` int8 (out, in), times `SCB` of its row, divided by 127. */
export const bitsandbytes8bit: Layout = {
  name: 'bitsandbytes 8-bit',
  methods: ['bitsandbytes'],
  mark: '.SCB',
  beside: ['.weight_format'],
  weight(module) {
    const dims = module.matrix('.weight')
    const [out, columns] = dims
    return {
      dims,
      parts: ['.weight', '.SCB'],
      async load() {
        module.requireDtype('.weight', 'I8')
        await requireRows(module)
        const scale = await module.read('.SCB')
        if (scale.size !== out) throw module.malformed(`expected ${out} numbers in '.SCB', got ${scale.size}`)
        const codes = affine(
          {
            codes: signedCodes(await module.bytes('.weight'), dims),
            scale: scale.reshape([out, 1]),
            zero: new Tensor('uint8', [SIGNED_ZERO], [1, 1]),
          },
          { dims, bits: 8, group: columns, axis: 1 },
        )
        return scaled(codes, new Tensor('float32', [1 / 127], [1]), 0)
      },
    }
  },
}

/** Older releases could store tiles for their kernels. */
async function requireRows(module: StoredModule): Promise<void> {
  const format = module.has('.weight_format') ? await module.number('.weight_format') : 0
  if (format !== 0) {
    throw new UnsupportedError(
      `[${module.where}] expected rows of '${module.name}', got weight_format ${format}, tiles for one kernel; save the model again with a current bitsandbytes`,
    )
  }
}
