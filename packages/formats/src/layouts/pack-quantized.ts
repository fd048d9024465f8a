import {
  affine,
  numbersOf,
  packedRowBytes,
  packRow,
  sameDims,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { ACTIVATIONS, type WeightScheme, weightSchemes } from './compressed-tensors.ts'
import type { Layout } from './layout.ts'
import { orderedByGroup } from './parts/act-order.ts'
import { groupSizeOf } from './parts/group-size.ts'
import { transposedBytes, unpackedRows, zerosOf } from './parts/packed-zeros.ts'
import { rowCodes } from './parts/row-codes.ts'
import type { StoredModule } from './stored-module.ts'

const WORD_BITS = 32

/**
 * `pack-quantized` of compressed-tensors: `weight_packed` int32 (out, words) with codes along the rows, `weight_scale` (out,
 * groups), `weight_shape` [out, in], and with zeros `weight_zero_point` int32 (words, groups), packed down the outputs. w = (code −
 * zero) · scale, both without sign; without zeros 2^(bits − 1) is the zero. Releases before 0.11 keep whole codes in a word and
 * leave bits unused.
 */
export const packQuantized: Layout = {
  name: 'pack-quantized',
  methods: ['compressed-tensors'],
  mark: '.weight_packed',
  beside: ACTIVATIONS,
  weight(module, config) {
    if (!module.has('.weight_shape')) return undefined
    const found = codesOf(module, weightSchemes(config))
    return {
      dims: [found.out, found.columns],
      parts: [
        ...['.weight_packed', '.weight_scale', '.weight_shape'],
        ...module.present(['.weight_zero_point', '.weight_g_idx']),
      ],
      load: () => load(module, found),
    }
  },
}

/** What the shapes of a module's tensors say of its codes. */
interface Codes {
  readonly out: number
  readonly columns: number
  readonly bits: number
  /** Whether words hold whole codes only. */
  readonly isPadded: boolean
  readonly groups: number
  readonly group: number
}

/** The scheme that the shapes fit, and what follows from it; the dims that the model has come first. */
function codesOf(module: StoredModule, schemes: readonly WeightScheme[]): Codes {
  const [out, words] = module.matrix('.weight_packed')
  const [scaled, groups] = module.matrix('.weight_scale')
  if (scaled !== out) throw module.malformed(`expected scales of ${out} rows, got ${scaled}`)
  const found = schemes.flatMap(({ bits, groupSize }) => {
    const dense = { words: (columns: number) => Math.ceil((columns * bits) / WORD_BITS), isPadded: false }
    const perWord = Math.floor(WORD_BITS / bits)
    const padded = { words: (columns: number) => Math.ceil(columns / perWord), isPadded: true }
    const named = groupSize === undefined ? [] : [groups * groupSize]
    const most = [Math.floor((words * WORD_BITS) / bits), words * perWord]
    const likely = module.dims === undefined ? [...named, ...most] : [module.dims[1] ?? 0]
    return likely.flatMap(columns => {
      const packing = [dense, padded].find(each => each.words(columns) === words)
      const group = groupSizeOf(columns, groups, groupSize === undefined ? [] : [groupSize])
      if (packing === undefined || group === undefined) return []
      return { out, columns, bits, isPadded: packing.isPadded, groups, group }
    })
  })
  const [first] = found
  if (first === undefined || first.bits > 8) {
    throw module.malformed(
      `expected codes of one of ${schemes.map(({ bits }) => bits).join(', ') || 'no'} bits in ${words} words a row with ${groups} scales`,
    )
  }
  return first
}

async function load(module: StoredModule, { out, columns, bits, isPadded, groups, group }: Codes) {
  module.requireDtype('.weight_packed', 'I32')
  const dims = [out, columns]
  const shape = numbersOf(await module.read('.weight_shape'))
  if (!sameDims(Array.from(shape), dims)) {
    throw new UnsupportedError(
      `[formats/pack-quantized] expected a shape [${dims}] for '${module.name}', got [${Array.from(shape)}]; open it with the configuration of its model`,
    )
  }
  const packed = await module.bytes('.weight_packed')
  const parts = {
    codes: isPadded ? withoutPadding(packed, [out, columns], bits) : rowCodes(packed, out, { columns, bits }),
    scale: await module.read('.weight_scale'),
    zero: await zeroOf(module, { out, groups, bits }),
  }
  if (!module.has('.weight_g_idx')) return affine(parts, { dims, bits, group, axis: 1 })
  const groupOf = Int32Array.from(numbersOf(await module.read('.weight_g_idx')))
  // −1 in all places says that columns are in order.
  if (groupOf.every(of => of === -1)) return affine(parts, { dims, bits, group, axis: 1 })
  const found = groupOf.length === columns ? orderedByGroup(parts, groupOf, { bits, group }) : undefined
  if (found !== undefined) return found
  throw module.malformed(`expected weight_g_idx with groups of ${group} columns`)
}

/** Codes out of words that hold whole ones only. */
function withoutPadding(bytes: Uint8Array, [out, columns]: readonly [number, number], bits: number): Tensor {
  const perWord = Math.floor(WORD_BITS / bits)
  const words = new Uint32Array(bytes.buffer as ArrayBuffer)
  const perRow = words.length / out
  const rowBytes = packedRowBytes(columns, bits)
  const packed = new Uint8Array(out * rowBytes)
  const codes = new Uint8Array(columns)
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < columns; i++) {
      const word = words[o * perRow + Math.floor(i / perWord)]!
      codes[i] = (word >>> (bits * (i % perWord))) & (2 ** bits - 1)
    }
    packRow(codes, bits, packed, o * rowBytes)
  }
  return new Tensor('uint8', packed, [out, rowBytes])
}

/** Zeros are packed down the outputs, as codes are along the rows. */
async function zeroOf(
  module: StoredModule,
  { out, groups, bits }: Pick<Codes, 'out' | 'groups' | 'bits'>,
): Promise<Tensor> {
  if (!module.has('.weight_zero_point')) return new Tensor('uint8', [2 ** (bits - 1)], [1, 1])
  module.requireDtype('.weight_zero_point', 'I32')
  const [words, columns] = module.matrix('.weight_zero_point')
  if (columns !== groups || words !== Math.ceil((out * bits) / WORD_BITS))
    throw module.malformed(`expected zeros of ${groups} groups for ${out} rows, got [${words}, ${columns}]`)
  const turned = new Uint32Array(words * groups)
  const stored = new Uint32Array((await module.bytes('.weight_zero_point')).buffer)
  for (let word = 0; word < words; word++)
    for (let g = 0; g < groups; g++) turned[g * words + word] = stored[word * groups + g]!
  const zeros = unpackedRows(new Uint8Array(turned.buffer), { rows: groups, perRow: out, bits })
  return zerosOf(transposedBytes(zeros, groups, out), [out, groups])
}
