import { affine, type Encoded, UnsupportedError } from '@tersor/core-tensor'
import type { LaidWeight, Layout } from './layout.ts'
import { byteScales } from './parts/byte-scales.ts'
import { floatCodes } from './parts/float-codes.ts'
import { rowCodes } from './parts/row-codes.ts'
import { E2M1_VALUES, e4m3Values, e8m0Values } from './parts/value-tables.ts'
import { objectOf, type QuantizationConfig } from './quantization-config.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * MLX: `weight` uint32 (out, words) with codes along the rows, of any width; `scales` and in its affine mode `biases` (out, groups): w =
 * code · scale + bias. Its microscaling modes have bytes for scales: exponents (mxfp4, mxfp8) or E4M3 (nvfp4). Settings of single
 * modules stand beside those of all.
 */
export const mlx: Layout = {
  name: 'mlx',
  methods: ['mlx'],
  mark: '.scales',
  weight(module, config) {
    if (!module.has('.weight') || module.info('.weight').dtype !== 'U32') return undefined
    const { bits, group, mode } = settingsOf(module, config)
    const { dims: stored } = module.info('.weight')
    const words = stored.at(-1) ?? 0
    const columns = Math.floor((words * 32) / bits)
    const groups = module.info('.scales').dims.at(-1)
    if (stored.length < 2 || groups !== columns / group) {
      throw module.malformed(
        `expected a scale for each ${group} of ${columns} weights of ${bits} bits, got ${groups} a row`,
      )
    }
    const dims = [...stored.slice(0, -1), columns]
    const isAffine = mode === 'affine'
    return {
      dims,
      parts: ['.weight', '.scales', ...(isAffine ? ['.biases'] : [])],
      load: () => (isAffine ? loadAffine : loadFloats)(module, { dims, bits, group, mode }),
    } satisfies LaidWeight
  },
}

interface Settings {
  readonly bits: number
  readonly group: number
  readonly mode: string
}

function settingsOf(module: StoredModule, { settings }: QuantizationConfig): Settings {
  const own = objectOf(settings[module.name])
  const { bits, group_size: group, mode = 'affine' } = { ...settings, ...own }
  const known = ['affine', 'mxfp4', 'nvfp4', 'mxfp8'].includes(String(mode))
  if (!known || !isWhole(bits) || !isWhole(group) || bits > 8) {
    throw new UnsupportedError(
      `[formats/mlx] expected mode affine, mxfp4, nvfp4 or mxfp8 with bits and group_size for '${module.name}', got ${JSON.stringify({ mode, bits, group_size: group }).slice(0, 200)}`,
    )
  }
  return { bits, group, mode: String(mode) }
}

async function loadAffine(
  module: StoredModule,
  { dims, bits, group }: Settings & { dims: readonly number[] },
): Promise<Encoded> {
  const rows = dims.slice(0, -1).reduce((a, b) => a * b, 1)
  const codes = rowCodes(await module.bytes('.weight'), rows, { columns: dims.at(-1)!, bits })
  return affine(
    {
      codes: codes.reshape([...dims.slice(0, -1), codes.size / rows]),
      scale: await module.read('.scales'),
      offset: await module.read('.biases'),
    },
    { dims, bits, group, axis: dims.length - 1 },
  )
}

async function loadFloats(
  module: StoredModule,
  { dims, bits, group, mode }: Settings & { dims: readonly number[] },
): Promise<Encoded> {
  module.requireDtype('.scales', 'U8')
  const scales = await module.bytes('.scales')
  const values = mode === 'nvfp4' ? e4m3Values() : e8m0Values()
  const scale = byteScales(scales, values, module.info('.scales').dims)
  const codes = mode === 'mxfp8' ? e4m3Values() : E2M1_VALUES
  return floatCodes(await module.bytes('.weight'), codes, { dims, bits, group, scale })
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
