import { type Device, DTypeError, Rng, ShapeError, Tensor } from '@tersor/core-tensor'
import type { KernelCase } from '@tersor/core-tensor/testing'
import { expect } from 'vitest'
import { unpackBits } from '../unpack-bits.ts'

export const unpackBitsCases: readonly KernelCase[] = [
  {
    kernel: 'unpackBits',
    name: 'rows of codes of 1 to 16 bits, bit by bit',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(52)
      for (let bits = 1; bits <= 16; bits++) {
        for (const columns of [0, 1, 2, 3, 7, 8, 17, 31, 64, 65, 257]) {
          for (const rows of [0, 1, 3]) {
            const { bytes, codes, rowBytes } = randomRows(rng, rows, columns, bits)
            const codesAs = bits <= 8 ? 'uint8' : 'uint16'
            const { packed, out } = device.scope(() => {
              const packed = device.upload(new Tensor('uint8', bytes, [rows, rowBytes]))
              return { packed, out: unpackBits(packed, { bits, columns }) }
            })
            expect([out.type, ...out.dims]).toEqual([codesAs, rows, columns])
            await expectCodes(out, codes, `${rows} × ${columns} of ${bits} bits`)
            const into = filled(device, codesAs, [rows, columns])
            expect(unpackBits(packed, { bits, columns, out: into })).toBe(into)
            await expectCodes(into, codes, `${rows} × ${columns} of ${bits} bits into an out`)
            for (const tensor of [packed, out, into]) tensor.dispose()
          }
        }
      }
    },
  },
  {
    kernel: 'unpackBits',
    name: 'many rows, more dimensions, views at any address',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(53)
      for (const bits of [1, 3, 4, 5, 8, 11, 16]) {
        const { bytes, codes, rowBytes } = randomRows(rng, 900, 33, bits)
        const packed = device.upload(new Tensor('uint8', bytes, [2, 450, rowBytes]))
        const out = unpackBits(packed, { bits, columns: 33 })
        expect(out.dims).toEqual([2, 450, 33])
        await expectCodes(out, codes, `900 × 33 of ${bits} bits`)

        const target = device.empty(out.type, [902, 33])
        const view = packed.reshape([900, rowBytes]).rows(1, 900)
        unpackBits(view, { bits, columns: 33, out: target.rows(1, 900) })
        const want = [...new Array(33).fill(0), ...codes.slice(33), ...new Array(66).fill(0)]
        await expectCodes(target, want, `views of ${bits} bits`)
      }
    },
  },
  {
    kernel: 'unpackBits',
    name: 'an out that lies over the packed codes',
    hostOnly: true,
    async run(device) {
      const { bytes, codes, rowBytes } = randomRows(new Rng(54), 4, 40, 3)
      const held = device.empty('uint8', [160])
      const packed = held.rows(30, 30 + 4 * rowBytes).reshape([4, rowBytes])
      ;(packed.data as Uint8Array).set(bytes)
      const out = held.reshape([4, 40])
      await expectCodes(unpackBits(packed, { bits: 3, columns: 40, out }), codes, '4 × 40 in place')
    },
  },
  {
    kernel: 'unpackBits',
    name: 'refuses widths, sizes and dtypes that do not fit',
    hostOnly: true,
    run(device) {
      const packed = device.empty('uint8', [2, 5])
      for (const bits of [0, -1, 17, 2.5, NaN, 32])
        expect(() => unpackBits(packed, { bits, columns: 10 }), `${bits} bits`).toThrow(ShapeError)
      for (const columns of [8, 11, -1, 9.5, NaN, 2 ** 53])
        expect(() => unpackBits(packed, { bits: 4, columns }), `${columns} columns`).toThrow(ShapeError)
      expect(() => unpackBits(device.empty('uint8', []), { bits: 8, columns: 1 })).toThrow(ShapeError)
      const int8 = device.empty('int8', [2, 5])
      expect(() => unpackBits(int8, { bits: 4, columns: 10 })).toThrow(DTypeError)
      for (const [type, dims, error] of [
        ['uint16', [2, 10], DTypeError],
        ['int8', [2, 10], DTypeError],
        ['uint8', [2, 9], ShapeError],
        ['uint8', [20], ShapeError],
      ] as const) {
        const out = device.empty(type, dims)
        expect(() => unpackBits(packed, { bits: 4, columns: 10, out })).toThrow(error)
      }
    },
  },
]

/** Rows of random bytes, so that what fills up a row is random too, and the codes in them. */
function randomRows(rng: Rng, rows: number, columns: number, bits: number) {
  const rowBytes = Math.ceil((columns * bits) / 8)
  const bytes = Uint8Array.from({ length: rows * rowBytes }, () => rng.integer(256))
  const bitAt = (row: number, bit: number) => (bytes[row * rowBytes + (bit >> 3)]! >> (bit & 7)) & 1
  const codes: number[] = []
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let code = 0
      for (let bit = 0; bit < bits; bit++) code += bitAt(row, column * bits + bit) * 2 ** bit
      codes.push(code)
    }
  }
  return { bytes, codes, rowBytes }
}

function filled(device: Device, type: 'uint8' | 'uint16', dims: readonly number[]): Tensor {
  const size = dims.reduce((a, b) => a * b, 1)
  const codes = type === 'uint8' ? new Uint8Array(size) : new Uint16Array(size)
  return device.upload(new Tensor(type, codes.fill(0xa5), dims))
}

async function expectCodes(x: Tensor, codes: readonly number[], what: string): Promise<void> {
  const read = (await x.read()) as Uint16Array
  const place = codes.findIndex((code, i) => code !== read[i])
  if (read.length !== codes.length || place !== -1)
    expect.fail(`${what}: expected ${codes[place]} at ${place}, got ${read[place]}`)
}
