import { Rng, Tensor } from '@tersor/core-tensor'
import { floatCodes, shiftKinds } from '@tersor/core-tensor/host'
import { cast } from '@tersor/core-tensor/reference'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasRelaxedSimd } from './features.ts'
import { createWasmDevice, type WasmDevice } from './index.ts'

const SHAPES = [
  { n: 5, k: 7, group: 32 },
  { n: 17, k: 100, group: 32 },
  { n: 9, k: 200, group: 96 },
  { n: 12, k: 700, group: 700 },
  { n: 8, k: 300, group: 320 },
]

describe.each(hasRelaxedSimd() ? (['simd', 'relaxed'] as const) : (['simd'] as const))(
  'packed weights, %s',
  simd => {
    let device: WasmDevice
    beforeAll(async () => {
      device = await createWasmDevice({ simd, threads: 2 })
      await device.startThreads()
    })
    afterAll(() => device.dispose())

    const cases = [1, 2, 3, 4, 5, 6, 7, 8].flatMap(bits =>
      (['none', 'zero', 'offset', 'constantZero'] as const).map(kind => ({ bits, kind })),
    )

    it.each(cases)('$bits bits with $kind come back, and multiply', ({ bits, kind }) => {
      for (const { n, k, group } of SHAPES) {
        const rng = new Rng(bits * 100 + n)
        const scaleType = n % 2 === 0 ? 'float16' : 'float32'
        const w = weightOf(rng, { n, k, group, bits, scaleType, kind })
        const layout = [bits, group, floatCodes[scaleType], shiftKinds[kind]] as const
        const stream = device.empty('uint8', [device.primitives.packedBytes(n, k, ...layout)])
        const shift = w.shift && device.upload(w.shift)
        device.primitives.run(
          'pack',
          [stream],
          [device.upload(w.codes), device.upload(w.scale), shift],
          [n, k, ...layout],
        )

        const [start, end] = [1, n]
        const part = (x: Tensor) => device.empty(x.type, [end - start, ...x.dims.slice(1)])
        const back = { codes: part(w.codes), scale: part(w.scale), shift: w.shift && part(w.shift) }
        device.primitives.run(
          'unpack',
          [back.codes, back.scale, back.shift],
          [stream],
          [n, k, ...layout, start, end],
        )
        for (const name of ['codes', 'scale', 'shift'] as const) {
          const original = w[name]
          if (original !== undefined)
            expect([...bytes(back[name]!)]).toEqual([...bytes(original.rows(start, end))])
        }

        for (const m of [1, 3, 6, 37]) {
          const x = Float32Array.from({ length: m * k }, () => rng.normal())
          const y = device.empty('float32', [m, n])
          const input = device.upload(new Tensor('float32', x, [m, k]))
          for (const precision of [0, 1]) {
            for (const accumulate of [0, 1]) {
              device.primitives.run(
                'linearPacked',
                [y],
                [input, stream, undefined],
                [m, n, k, ...layout, w.constant, precision, accumulate],
              )
            }
            const actual = y.data as Float32Array
            const step = precision === 0 ? 2 ** -14 : 2 ** -7
            for (let at = 0; at < m * n; at++) {
              const [i, j] = [Math.floor(at / n), at % n]
              let sum = 0
              let squares = 0
              for (let p = 0; p < k; p++) {
                sum += 2 * x[i * k + p]! * w.values[j * k + p]!
                // What rounding activations to 14 or 7 bits of the largest may do; about 4 is the largest.
                squares += (w.levels[j * k + p]! * 4 * step) ** 2
              }
              const error = Math.abs(actual[at]! - sum)
              expect(error, `${[n, k, group, m, i, j]}`).toBeLessThan(
                4 * Math.sqrt(squares) + 1e-5 * Math.abs(sum) + 1e-5,
              )
            }
          }
        }
      }
    })

    it('tables of up to 16 levels', () => {
      for (const bits of [1, 2, 3, 4]) {
        for (const { n, k, group } of SHAPES) {
          const rng = new Rng(bits + n)
          const w = weightOf(rng, { n, k, group, bits, scaleType: 'float16', kind: 'none' })
          const layout = [bits, group, floatCodes.float16, shiftKinds.none] as const
          const stream = device.empty('uint8', [device.primitives.packedBytes(n, k, ...layout)])
          device.primitives.run(
            'pack',
            [stream],
            [device.upload(w.codes), device.upload(w.scale), undefined],
            [n, k, ...layout],
          )
          const levels = Float32Array.from({ length: 2 ** bits }, () => rng.normal())
          const table = device.upload(new Tensor('float32', levels, [2 ** bits]))
          for (const m of [1, 2, 21]) {
            const x = Float32Array.from({ length: m * k }, () => rng.normal())
            const y = device.empty('float32', [m, n])
            const input = device.upload(new Tensor('float32', x, [m, k]))
            device.primitives.run('linearPacked', [y], [input, stream, table], [m, n, k, ...layout, 0, 0, 0])
            const actual = y.data as Float32Array
            for (let at = 0; at < m * n; at++) {
              const [i, j] = [Math.floor(at / n), at % n]
              let sum = 0
              let squares = 0
              for (let p = 0; p < k; p++) {
                const value = levels[w.integers[j * k + p]!]! * w.steps[j * k + p]!
                sum += x[i * k + p]! * value
                squares += (w.steps[j * k + p]! * 16 * 2 ** -14) ** 2
              }
              expect(Math.abs(actual[at]! - sum)).toBeLessThan(4 * Math.sqrt(squares) + 1e-5)
            }
          }
        }
      }
    })

    it('a number that is not finite shows in what it touches', () => {
      const [n, k] = [8, 64]
      const w = weightOf(new Rng(1), { n, k, group: 32, bits: 4, scaleType: 'float32', kind: 'none' })
      const layout = [4, 32, 0, 0] as const
      const stream = device.empty('uint8', [device.primitives.packedBytes(n, k, ...layout)])
      device.primitives.run(
        'pack',
        [stream],
        [device.upload(w.codes), device.upload(w.scale), undefined],
        [n, k, ...layout],
      )
      for (const m of [2, 8]) {
        const x = new Float32Array(m * k).fill(1)
        x[3] = Infinity
        x[k + 40] = NaN
        const y = device.empty('float32', [m, n])
        const input = device.upload(new Tensor('float32', x, [m, k]))
        device.primitives.run('linearPacked', [y], [input, stream, undefined], [m, n, k, ...layout, 0, 0, 0])
        const values = [...(y.data as Float32Array)]
        expect(values.slice(0, 2 * n).some(Number.isFinite)).toBe(false)
        expect(values.slice(2 * n).every(Number.isFinite)).toBe(true)
      }
    })

    it('offers no layout for groups that are not whole vectors', () => {
      expect(device.primitives.packedBytes(8, 64, 4, 16, 0, 0)).toBe(0)
      expect(device.primitives.packedBytes(8, 64, 4, 48, 0, 0)).toBe(0)
      expect(device.primitives.packedBytes(8, 20, 4, 20, 0, 0)).toBe(160)
    })
  },
)

function weightOf(
  rng: Rng,
  given: {
    n: number
    k: number
    group: number
    bits: number
    scaleType: 'float16' | 'float32'
    kind: keyof typeof shiftKinds
  },
) {
  const { n, k, group, bits, scaleType, kind } = given
  const groups = Math.ceil(k / group)
  const rowBytes = Math.ceil((k * bits) / 8)
  const codes = new Uint8Array(n * rowBytes)
  const numbers = (make: () => number) =>
    new Tensor('float32', Float32Array.from({ length: n * groups }, make), [n, groups])
  const scale = cast(
    numbers(() => rng.uniform() + 0.1),
    scaleType,
  )
  const shift =
    kind === 'zero'
      ? cast(
          numbers(() => rng.integer(2 ** bits)),
          'uint8',
        )
      : kind === 'offset'
        ? cast(
            numbers(() => rng.normal()),
            scaleType,
          )
        : undefined
  const constant = kind === 'constantZero' ? 2 ** (bits - 1) : 0
  const scales = cast(scale, 'float32').data as Float32Array
  const shifts = shift && (cast(shift, 'float32').data as Float32Array)
  const integers = new Uint8Array(n * k)
  const steps = new Float32Array(n * k)
  const values = new Float32Array(n * k)
  /** Sizes of what activations are multiplied with, before zeros and offsets cancel any of it. */
  const levels = new Float32Array(n * k)
  for (let j = 0; j < n; j++) {
    for (let p = 0; p < k; p++) {
      const code = rng.integer(2 ** bits)
      const bit = p * bits
      codes[j * rowBytes + (bit >> 3)]! |= code << (bit & 7)
      if ((bit & 7) + bits > 8) codes[j * rowBytes + (bit >> 3) + 1]! |= code >> (8 - (bit & 7))
      const g = j * groups + Math.floor(p / group)
      integers[j * k + p] = code
      steps[j * k + p] = scales[g]!
      const zero = kind === 'zero' ? shifts![g]! : constant
      const offset = kind === 'offset' ? shifts![g]! : 0
      values[j * k + p] = (code - zero) * scales[g]! + offset
      levels[j * k + p] = 2 * (Math.abs(code - zero) * scales[g]! + Math.abs(offset))
    }
  }
  return {
    ...{ scale, shift, constant, integers, steps, values, levels },
    codes: new Tensor('uint8', codes, [n, rowBytes]),
  }
}

function bytes({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
