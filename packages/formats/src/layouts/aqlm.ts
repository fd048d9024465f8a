import { codebook, type Encoded, scaled, sum, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import type { Layout } from './layout.ts'
import type { StoredModule } from './stored-module.ts'

/**
 * Additive quantization (Egiazarian et al., 2024, arXiv:2401.06118): `codes` (out, in/d, books) into `codebooks` (books, entries, 1, d);
 * d neighbouring weights are the sum of an entry of each book, times `scales` of their row.
 */
export const aqlm: Layout = {
  name: 'aqlm',
  methods: ['aqlm'],
  mark: '.codes',
  weight(module) {
    const { dims: codes, dtype } = module.info('.codes')
    const { dims: tables } = module.info('.codebooks')
    const [out = 0, perRow = 0, books = 0] = codes
    const [count, entries = 0, rows, d = 0] = tables
    if (rows !== 1 || tables.length !== 4) {
      throw new UnsupportedError(
        `[formats/aqlm] expected codebooks (books, entries, 1, d) for '${module.name}', got [${tables}]`,
      )
    }
    const bits = dtype === 'I8' || dtype === 'U8' ? 8 : dtype === 'I16' || dtype === 'U16' ? 16 : 0
    if (codes.length !== 3 || count !== books || bits === 0 || entries > 2 ** bits || entries < 1)
      throw module.malformed(
        `expected codes (out, in / d, ${count}) into ${entries} entries, got ${dtype} [${codes}]`,
      )
    return {
      dims: [out, perRow * d],
      parts: ['.codes', '.codebooks', '.scales'],
      load: () => load(module, { out, perRow, books, entries, d, bits }),
    }
  },
}

interface Books {
  readonly out: number
  readonly perRow: number
  readonly books: number
  readonly entries: number
  readonly d: number
  readonly bits: number
}

async function load(module: StoredModule, { out, perRow, books, entries, d, bits }: Books): Promise<Encoded> {
  const stored = await module.bytes('.codes')
  const tables = await module.read('.codebooks')
  const scales = cast(await module.read('.scales'), 'float32')
  if (scales.size !== out) throw module.malformed(`expected ${out} scales, got ${scales.size}`)
  const width = bits / 8
  const terms = Array.from({ length: books }, (_, book) => {
    const codes = new Uint8Array(out * perRow * width)
    for (let i = 0; i < out * perRow; i++) {
      for (let byte = 0; byte < width; byte++)
        codes[i * width + byte] = stored[(i * books + book) * width + byte]!
    }
    return codebook(
      {
        codes: new Tensor('uint8', codes, [out, perRow * width]),
        table: tables.rows(book, book + 1).reshape([entries, d]),
      },
      { dims: [out, perRow * d], bits },
    )
  })
  return scaled(terms.length === 1 ? terms[0]! : sum(...terms), scales.reshape([out]), 0)
}
