import {
  affine,
  codebook,
  coreKinds,
  dense,
  type Encoded,
  FormatError,
  hadamard,
  isEncoded,
  product,
  ShapeError,
  scaled,
  selectRows,
  sum,
  Tensor,
  TersorError,
} from '@tersor/core-tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { loadEncodedRows, readsEncodedRows } from './load-encoded.ts'

const ROWS = 600

const bytes = (...dims: number[]) =>
  new Tensor(
    'uint8',
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (i * 37) % 256),
    dims,
  )
const floats = (...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => 1 + (i % 83)),
    dims,
  )

const meta = { dims: [ROWS, 32], bits: 4, group: 8, axis: 1 }
const line = affine({ codes: bytes(ROWS, 16), scale: floats(ROWS, 4), offset: floats(ROWS, 4) }, meta)
/** In groups of 256 rows. */
const scales = affine(
  { codes: bytes(ROWS, 4), scale: floats(3, 4) },
  { dims: [ROWS, 4], bits: 8, group: 256, axis: 0 },
)
const weights: Readonly<Record<string, readonly [weight: Encoded, byRows: boolean]>> = {
  line: [line, true],
  'one scale for all rows': [affine({ codes: bytes(ROWS, 16), scale: floats(1, 4) }, meta), true],
  'zeros of 4 bits': [
    affine(
      {
        codes: bytes(ROWS, 16),
        scale: floats(ROWS, 4),
        zero: new Tensor('uint4', bytes(ROWS * 2).data, [ROWS, 4]),
      },
      meta,
    ),
    true,
  ],
  levels: [codebook({ codes: bytes(ROWS, 16), table: floats(16, 1), scale: floats(ROWS, 4) }, meta), true],
  'scales in groups of rows': [
    codebook({ codes: bytes(ROWS, 16), table: floats(16, 1), scale: scales }, meta),
    false,
  ],
  'a scale a row': [scaled(dense(floats(ROWS, 32)), floats(ROWS), 0), true],
  'a scale a column': [scaled(dense(floats(ROWS, 32)), floats(32), 1), true],
  turned: [product(line, hadamard({ size: 32, seed: 3 })), true],
  'a sum': [sum(line, dense(floats(ROWS, 32))), false],
  'groups down the rows': [
    affine(
      { codes: bytes(ROWS, 16), scale: floats(3, 32) },
      { dims: [ROWS, 32], bits: 4, group: 256, axis: 0 },
    ),
    false,
  ],
}

const names = Object.keys(weights)
const whole = encodeSafetensors(Object.entries(weights).map(([name, [weight]]) => [name, weight]))

describe('loadEncodedRows', () => {
  it('gives what selectRows makes of the whole, whatever is read for it', async () => {
    const file = await openSafetensors(whole)
    const range = fc
      .tuple(fc.nat(ROWS), fc.nat(ROWS))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), range, async (name, rows) => {
        const expected = selectRows(weights[name]![0], rows)
        const found = encodeSafetensors([['w', await loadEncodedRows(file, name, rows)]])
        expect(Buffer.compare(found, encodeSafetensors([['w', expected]]))).toBe(0)
      }),
    )
  })

  it.each(Object.entries(weights))(
    'reads rows alone where their parts have rows: %s',
    async (name, [weight, byRows]) => {
      const file = await openSafetensors(encodeSafetensors([[name, weight]]))
      expect(readsEncodedRows(file, name)).toBe(byRows)
      let read = 0
      const counting = {
        ...file,
        read: async (tensor: string, options = {}) => {
          const found = await file.read(tensor, options)
          read += found.byteLength
          return found
        },
      }
      await loadEncodedRows(counting, name, [7, 9])
      const all = [...file.tensors.values()].reduce((sum, info) => sum + info.byteLength, 0)
      if (byRows) expect(read).toBeLessThan(all / 8)
      else expect(read).toBe(all)
    },
  )

  it('refuses rows that are not there, and trees that contradict their parts', async () => {
    const file = await openSafetensors(whole)
    await expect(loadEncodedRows(file, 'line', [ROWS, ROWS + 1])).rejects.toThrow(ShapeError)
    await expect(loadEncodedRows(file, 'nothing', [0, 1])).rejects.toThrow(FormatError)
    const text = file.metadata.get('tersor')!
    for (const [from, to] of [
      ['"axis":1', '"axis":7'],
      ['"axis":1', '"axis":"x"'],
      ['"group":8', '"group":0'],
      ['"group":8', '"group":-1'],
      ['"bits":4', '"bits":3'],
      ['[600,32]', '[600,33]'],
      ['[600,32]', '[601,32]'],
    ] as const) {
      const metadata = new Map(file.metadata).set('tersor', text.replaceAll(from, to))
      await expect(loadEncodedRows({ ...file, metadata }, 'line', [1, 3]), to).rejects.toThrow(TersorError)
    }
    expect(isEncoded(await loadEncodedRows(file, 'line', [1, 3], { kinds: coreKinds }))).toBe(true)
  })
})
