import { describe, expect, it } from 'vitest'
import { Rng } from '../rng.ts'
import { numbersOf, writeNumbers } from './convert.ts'
import {
  decodeNarrow,
  encodeNarrow,
  type NarrowFloat,
  narrowFloats,
  roundTiesToEven,
} from './narrow-float.ts'
import { Tensor } from './tensor.ts'

const formats = Object.entries(narrowFloats) as [keyof typeof narrowFloats, NarrowFloat][]
const widthOf = ({ exponentBits, mantissaBits }: NarrowFloat) => 1 + exponentBits + mantissaBits
const patterns = (format: NarrowFloat) => Array.from({ length: 2 ** widthOf(format) }, (_, bits) => bits)

/** The value of a pattern in the words of IEEE 754: (−1)^s · 2^(e − bias) · (1 + m), and its exceptions. */
function valueOfPattern(bits: number, { exponentBits, mantissaBits, infinities }: NarrowFloat): number {
  const text = bits.toString(2).padStart(1 + exponentBits + mantissaBits, '0')
  const sign = text[0] === '1' ? -1 : 1
  const e = Number.parseInt(text.slice(1, 1 + exponentBits), 2)
  const m = Number.parseInt(text.slice(1 + exponentBits), 2) / 2 ** mantissaBits
  const bias = 2 ** (exponentBits - 1) - 1
  const allOnes = e === 2 ** exponentBits - 1
  if (allOnes && infinities) return m === 0 ? sign * Infinity : NaN
  if (allOnes && m === 1 - 2 ** -mantissaBits) return NaN
  return e === 0 ? sign * 2 ** (1 - bias) * m : sign * 2 ** (e - bias) * (1 + m)
}

describe.each(formats)('%s', (type, format) => {
  const finite = patterns(format).filter(
    bits => Number.isFinite(valueOfPattern(bits, format)) && bits < 2 ** (widthOf(format) - 1),
  )
  const largest = finite.at(-1)!
  const top = valueOfPattern(largest, format)
  const step = top - valueOfPattern(largest - 1, format)

  it('decodes every pattern', () => {
    for (const bits of patterns(format)) {
      if (!Object.is(decodeNarrow(bits, format), valueOfPattern(bits, format))) expect.fail(`pattern ${bits}`)
    }
  })

  it('encodes the value of every pattern as that pattern, and any NaN as a NaN', () => {
    for (const bits of patterns(format)) {
      const value = valueOfPattern(bits, format)
      const back = encodeNarrow(value, format, false)
      if (Number.isNaN(value) ? !Number.isNaN(valueOfPattern(back, format)) : back !== bits)
        expect.fail(`pattern ${bits} came back as ${back}`)
    }
  })

  it('rounds midpoints between neighbours to even, and what is beside them to the nearer', () => {
    for (const low of finite.slice(0, -1)) {
      const middle = (valueOfPattern(low, format) + valueOfPattern(low + 1, format)) / 2
      const nudge = middle * 2 ** -52
      const found = [middle, middle - nudge, middle + nudge, -middle].map(x => encodeNarrow(x, format))
      const sign = 2 ** (widthOf(format) - 1)
      const even = low % 2 === 0 ? low : low + 1
      if (found.join() !== [even, low, low + 1, even + sign].join())
        expect.fail(`between ${low} and ${low + 1}: ${found}`)
    }
  })

  it('finds the nearest of random numbers, as a search over all patterns does', () => {
    const values = finite.map(bits => valueOfPattern(bits, format))
    const rng = new Rng(71)
    for (let i = 0; i < 2000; i++) {
      const x =
        rng.uniform() *
        2 ** (Math.log2(values[1]!) - 1 + rng.uniform() * (Math.log2(top) - Math.log2(values[1]!) + 1))
      let above = values.findIndex(value => value >= x)
      if (above === -1) above = largest
      const below = Math.max(above - 1, 0)
      const [down, up] = [x - values[below]!, values[above]! - x]
      const expected = down === up ? (below % 2 === 0 ? below : above) : down < up ? below : above
      if (encodeNarrow(x, format) !== finite[expected])
        expect.fail(`${x} became ${encodeNarrow(x, format)}, not ${finite[expected]}`)
    }
  })

  it('rounds float64 once, also where float32 would lie on a midpoint', () => {
    const low = finite[Math.floor(finite.length / 2)]! & ~1
    const middle = (valueOfPattern(low, format) + valueOfPattern(low + 1, format)) / 2
    const trap = middle * (1 + 2 ** -40)
    expect(Math.fround(trap)).toBe(middle)
    expect(encodeNarrow(trap, format)).toBe(low + 1)
    expect(encodeNarrow(middle, format)).toBe(low)
  })

  it('saturates or overflows past the largest', () => {
    const sign = 2 ** (widthOf(format) - 1)
    const isInfinity = (bits: number) => valueOfPattern(bits, format) === (format.infinities ? Infinity : NaN)
    const overflowed = (bits: number) =>
      format.infinities ? isInfinity(bits) : Number.isNaN(valueOfPattern(bits, format))
    for (const x of [top + step / 2 + step / 64, top + step, 2 * top, Number.MAX_VALUE, Infinity]) {
      expect(encodeNarrow(x, format, true)).toBe(largest)
      expect(encodeNarrow(-x, format, true)).toBe(largest + sign)
      expect(overflowed(encodeNarrow(x, format, false))).toBe(true)
      expect(encodeNarrow(x, format)).toBe(encodeNarrow(x, format, type.startsWith('float8')))
    }
    expect(encodeNarrow(top + step / 2 - step / 64, format, false)).toBe(largest)
  })

  it('takes the smallest numbers of float64 to zeros with their signs', () => {
    const sign = 2 ** (widthOf(format) - 1)
    expect([5e-324, -5e-324, 0, -0].map(x => encodeNarrow(x, format))).toEqual([0, sign, 0, sign])
  })

  it('is what float32 numbers of any bits are written as', () => {
    const rng = new Rng(72)
    const words = Int32Array.from({ length: 60_000 }, (_, i) => {
      // Of all magnitudes, around what the format can hold, and beside midpoints.
      const any = rng.integer(2 ** 32) | 0
      const near = (any & 0x8fffffff) | 0x30000000
      return i % 3 === 0 ? any : i % 3 === 1 ? near : (near & ~0x1fff) | (0x0fff + rng.integer(3))
    })
    const values = new Float32Array([...new Float32Array(words.buffer), 65504, 65519.99, 65520, -65520])
    const out = widthOf(format) === 16 ? new Uint16Array(values.length) : new Uint8Array(values.length)
    writeNumbers(values, type, out)
    for (const [i, x] of values.entries())
      if (out[i] !== encodeNarrow(x, format)) expect.fail(`${x} was written as ${out[i]}`)
  })

  it('is what tensors hold', () => {
    const wide = widthOf(format) === 16
    const data = wide ? Uint16Array.from(patterns(format)) : Uint8Array.from(patterns(format))
    const numbers = numbersOf(new Tensor(type, data, [data.length]))
    const back = wide ? new Uint16Array(data.length) : new Uint8Array(data.length)
    writeNumbers(numbers, type, back)
    for (const bits of patterns(format)) {
      const value = valueOfPattern(bits, format)
      if (!Object.is(numbers[bits], value)) expect.fail(`pattern ${bits} was read as ${numbers[bits]}`)
      if (Number.isFinite(value) && back[bits] !== bits)
        expect.fail(`pattern ${bits} was written as ${back[bits]}`)
    }
    const few = numbersOf(new Tensor(type, data.slice(3, 20), [17]))
    expect([...few]).toEqual([...numbers.slice(3, 20)])
  })
})

describe('roundTiesToEven', () => {
  it('rounds halves to the even neighbour and everything else to the nearest', () => {
    const cases: [number, number][] = [
      [0.5, 0],
      [1.5, 2],
      [2.5, 2],
      [-0.5, 0],
      [-1.5, -2],
      [-2.5, -2],
      [0.49999999999999994, 0],
      [-0.49999999999999994, 0],
      [0.5000000000000001, 1],
      [-1.4999999999999998, -1],
      [2 ** 52 + 1, 2 ** 52 + 1],
      [2 ** 51 + 0.5, 2 ** 51],
      [Infinity, Infinity],
      [-Infinity, -Infinity],
    ]
    for (const [x, expected] of cases) expect(roundTiesToEven(x) + 0, `${x}`).toBe(expected)
    expect(roundTiesToEven(NaN)).toBeNaN()
  })
})
