import type { LaidWeight } from '../layout.ts'
import type { StoredModule } from '../stored-module.ts'
import { byteScales } from './byte-scales.ts'
import { floatCodes } from './float-codes.ts'
import { E2M1_VALUES, e4m3Values } from './value-tables.ts'

/** Elements that share a scale. */
const BLOCK = 16

/** Where NVFP4 lies in a module, and how its two scales go together. */
export interface Nvfp4 {
  /** Of the tensor (out, in/2) of codes, the low nibble first. */
  readonly codes: string
  /** Of the one number of the whole. */
  readonly whole: string
  /** What a scale of a block comes to. */
  scaled(block: number, whole: number): number
  /** What the codes mean, where zeros have no sign. */
  readonly values?: readonly number[] | undefined
}

/** NVFP4: codes of E2M1 in blocks of 16, whose scales are E4M3 and are kept in their byte. */
export function nvfp4(
  module: StoredModule,
  { codes, whole, scaled, values = E2M1_VALUES }: Nvfp4,
): LaidWeight {
  const [out, bytes] = module.matrix(codes)
  const dims = [out, 2 * bytes]
  return {
    dims,
    parts: [codes, '.weight_scale', whole],
    async load() {
      module.requireDtype(codes, 'U8')
      module.requireDtype('.weight_scale', 'F8_E4M3')
      const one = await module.number(whole)
      const table = e4m3Values().map(block => scaled(block, one))
      const scale = byteScales(await module.bytes('.weight_scale'), table, module.matrix('.weight_scale'))
      return floatCodes(await module.bytes(codes), values, { dims, bits: 4, group: BLOCK, scale })
    },
  }
}
