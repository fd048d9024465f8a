import { type Encoded, numbersOf, UnsupportedError } from '@tersor/core-tensor'
import { transpose } from '@tersor/core-tensor/reference'
import type { Layout } from './layout.ts'
import { orderedByGroup } from './parts/act-order.ts'
import { groupSizeOf } from './parts/group-size.ts'
import { transposedBytes, unpackedRows, zerosOf } from './parts/packed-zeros.ts'
import { rowCodes } from './parts/row-codes.ts'
import { transposedWords } from './parts/transposed-words.ts'
import type { QuantizationConfig } from './quantization-config.ts'
import type { StoredModule } from './stored-module.ts'

const BITS = [2, 3, 4, 8]

/**
 * GPTQ's own layout (AutoGPTQ, GPTQModel, AutoRound), rows being inputs: `qweight` int32 (in·b/32, out) with codes down the
 * columns, `qzeros` int32 (groups, out·b/32), `scales` (groups, out), `g_idx` int32 (in) the group of each input. w = (code −
 * zero) · scale. Version 1 stores zero − 1. Bits and groups are taken from the shapes, since modules may differ.
 */
export const gptq: Layout = {
  name: 'gptq',
  methods: ['gptq', 'auto-round', 'auto_round', 'intel/auto-round'],
  mark: '.qweight',
  weight(module, config) {
    const format = config.settings.checkpoint_format ?? config.settings.packing_format ?? 'gptq'
    const isSecond = format === 'gptq_v2'
    if (!isSecond && format !== 'gptq' && format !== 'auto_round:auto_gptq' && format !== 'auto_round:gptq') {
      throw new UnsupportedError(
        `[formats/gptq] expected the format gptq or gptq_v2, got '${format}'; convert the checkpoint with GPTQModel`,
      )
    }
    const [words, out] = module.matrix('.qweight')
    const columns = columnsOf(module, config, words)
    const bits = (words * 32) / columns
    if (!BITS.includes(bits)) throw module.malformed(`expected codes of ${BITS} bits, got ${bits}`)
    return {
      dims: [out, columns],
      parts: ['.qweight', ...module.present(['.qzeros', '.scales', '.g_idx'])],
      load: () => load(module, { bits, out, columns, isSecond, config }),
    }
  },
}

/** Inputs of the layer: as many as `g_idx` has entries; without it the configuration's bits tell. */
function columnsOf(module: StoredModule, { settings }: QuantizationConfig, words: number): number {
  if (module.has('.g_idx')) return module.info('.g_idx').dims[0] ?? 0
  const { bits, dynamic } = settings
  if (dynamic !== undefined && dynamic !== null) {
    throw new UnsupportedError(
      `[formats/gptq] expected g_idx beside '${module.name}' where bits differ by module, got none; write the checkpoint with GPTQModel`,
    )
  }
  return Math.floor((words * 32) / Number(bits))
}

interface Found {
  readonly bits: number
  readonly out: number
  readonly columns: number
  readonly isSecond: boolean
  readonly config: QuantizationConfig
}

async function load(module: StoredModule, { bits, out, columns, isSecond, config }: Found): Promise<Encoded> {
  module.requireDtype('.qweight', 'I32')
  module.requireDtype('.qzeros', 'I32')
  const [groups, scaled] = module.matrix('.scales')
  const [zeroRows, zeroWords] = module.matrix('.qzeros')
  if (scaled !== out || zeroRows !== groups || zeroWords !== Math.ceil((out * bits) / 32))
    throw module.malformed(`expected scales and zeros of ${groups} groups for ${out} outputs`)
  const size = Number(config.settings.group_size)
  const group = groupSizeOf(columns, groups, [size])
  if (group === undefined)
    throw module.malformed(`expected groups that divide ${columns} inputs, got ${groups}`)
  const words = transposedWords(await module.read('.qweight'))
  const stored = unpackedRows(await module.bytes('.qzeros'), { rows: groups, perRow: out, bits })
  if (!isSecond && stored.some(zero => zero === 2 ** bits - 1)) {
    throw new UnsupportedError(
      `[formats/gptq] expected zeros of at least 1 for '${module.name}', got 0, which version 1 cannot hold and readers take for different numbers; convert the checkpoint to gptq_v2`,
    )
  }
  const zeros = transposedBytes(isSecond ? stored : stored.map(zero => zero + 1), groups, out)
  const parts = {
    codes: rowCodes(words.data as Uint8Array, out, { columns, bits }),
    scale: transpose(await module.read('.scales'), [1, 0]),
    zero: zerosOf(zeros, [out, groups]),
  }
  const found = orderedByGroup(parts, await groupsOf(module, columns, group), { bits, group })
  if (found !== undefined) return found
  throw new UnsupportedError(
    `[formats/gptq] expected groups of ${group} inputs each for '${module.name}', got others in g_idx; quantise the model again with one group size`,
  )
}

async function groupsOf(module: StoredModule, columns: number, group: number): Promise<Int32Array> {
  if (!module.has('.g_idx')) return Int32Array.from({ length: columns }, (_, i) => Math.floor(i / group))
  return Int32Array.from(numbersOf(await module.read('.g_idx')))
}
