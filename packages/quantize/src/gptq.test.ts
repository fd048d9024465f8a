import { byteLength, decode, NumericalError, Rng, ShapeError, Tensor, toFloat32 } from '@tersor/core-tensor'
import { gram, matmul } from '@tersor/core-tensor/reference'
import { describe, expect, it } from 'vitest'
import { type GptqOptions, gptq } from './gptq.ts'
import { quantizeAffine } from './quantize-affine.ts'

const ROWS = 24
const COLUMNS = 96

function normal(seed: number, dims: number[]): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )
}

/** Inputs whose columns depend on a few common causes and are of different size, as activations are. */
function activations(seed: number, samples = 400): Tensor {
  const common = matmul(normal(seed, [samples, 16]), normal(777, [16, COLUMNS])).data as Float32Array
  const own = normal(seed + 1, [samples, COLUMNS]).data as Float32Array
  return new Tensor(
    'float32',
    common.map((value, i) => (value + own[i]!) * (1 + ((i % COLUMNS) % 7) / 3)),
    [samples, COLUMNS],
  )
}

function gramOf(x: Tensor): Tensor {
  return gram(x, {
    out: new Tensor('float64', new Float64Array(COLUMNS * COLUMNS), [COLUMNS, COLUMNS]),
    accumulate: true,
  })
}

/** ‖X·(W − Ŵ)ᵀ‖², the error that calibration is about. */
function outputError(x: Tensor, weight: Tensor, back: Tensor): number {
  const difference = toFloat32(weight).map((value, i) => value - toFloat32(back)[i]!)
  const y = matmul(x, new Tensor('float32', difference, weight.dims), { transposeB: true })
    .data as Float32Array
  return y.reduce((sum, value) => sum + value * value, 0)
}

const weight = normal(1, [ROWS, COLUMNS])
const calibration = gramOf(activations(10))

describe('gptq', () => {
  for (const options of [
    { bits: 2 },
    { bits: 3 },
    { bits: 4, groupSize: 20 },
    { bits: 3, groupSize: 'channel' },
    { bits: 3, actOrder: true },
    { bits: 3, symmetric: true },
    { bits: 2, range: 'mse' },
  ] as GptqOptions[]) {
    it(`loses less than rounding at the same bytes, on other inputs: ${JSON.stringify(options)}`, async () => {
      const small = await gptq(weight, calibration, options)
      const rounded = quantizeAffine(weight, options)
      expect(byteLength(small)).toBe(byteLength(rounded))
      const others = activations(50)
      const ratio = outputError(others, weight, decode(small)) / outputError(others, weight, decode(rounded))
      expect(ratio).toBeLessThan(0.6)
    })
  }

  it('is rounding to nearest where inputs are uncorrelated', async () => {
    const identity = new Tensor(
      'float64',
      Float64Array.from({ length: COLUMNS * COLUMNS }, (_, i) => (i % (COLUMNS + 1) === 0 ? 1 : 0)),
      [COLUMNS, COLUMNS],
    )
    for (const actOrder of [false, true]) {
      const small = await gptq(weight, identity, { bits: 4, groupSize: 32, actOrder })
      expect(small).toEqual(quantizeAffine(weight, { bits: 4, groupSize: 32 }))
    }
  })

  it('follows the published recurrence: columns solved one by one give the same weights', async () => {
    const small = await gptq(weight, calibration, { bits: 3, groupSize: 'channel', damping: 0.05 })
    const rounded = quantizeAffine(weight, { bits: 3, groupSize: 'channel' })
    const scale = toFloat32(rounded.parts.scale as Tensor)
    const zero =
      (rounded.parts.zero as Tensor | undefined) ?? new Tensor('uint8', new Uint8Array(ROWS), [ROWS, 1])
    const zeros = toFloat32(zero)
    expect(Array.from(toFloat32(decode(small)))).toEqual(naive(scale, zeros))
  })

  it('leaves columns whose input was always zero to plain rounding', async () => {
    const x = activations(10)
    const data = Float32Array.from(x.data as Float32Array, (value, i) => (i % COLUMNS === 5 ? 0 : value))
    const small = await gptq(weight, gramOf(new Tensor('float32', data, x.dims)), {
      bits: 4,
      groupSize: 'channel',
    })
    const rounded = toFloat32(decode(quantizeAffine(weight, { bits: 4, groupSize: 'channel' })))
    const back = toFloat32(decode(small))
    for (let row = 0; row < ROWS; row++) expect(back[row * COLUMNS + 5]).toBe(rounded[row * COLUMNS + 5])
  })

  it('gives the same bytes for the same statistics, reports progress and stops when told to', async () => {
    const progress: number[] = []
    const wide = normal(2, [4, 300])
    const identity = new Tensor(
      'float64',
      Float64Array.from({ length: 300 * 300 }, (_, i) => (i % 301 === 0 ? 1 : 0.1)),
      [300, 300],
    )
    const encode = () =>
      gptq(wide, identity, { bits: 3, groupSize: 32, onProgress: done => progress.push(done) })
    expect(await encode()).toEqual(await encode())
    expect(progress.slice(0, 3)).toEqual([128, 256, 300])
    await expect(
      gptq(wide, identity, { bits: 3, signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop')
  })

  it('names the layer and the damping when the matrix stays indefinite', async () => {
    const indefinite = new Tensor('float64', [1, 2, 2, 1], [2, 2])
    const failing = gptq(normal(1, [3, 2]), indefinite, {
      bits: 4,
      name: 'model.layers.3.mlp.up_proj.weight',
      damping: 0.02,
    })
    await expect(failing).rejects.toThrow(NumericalError)
    await expect(failing).rejects.toThrow(/up_proj.weight\] .*damping 0\.02; raise damping/)
    await expect(gptq(weight, indefinite, { bits: 4 })).rejects.toThrow(ShapeError)
    await expect(
      gptq(new Tensor('float32', new Float32Array(ROWS * COLUMNS).fill(NaN), [ROWS, COLUMNS]), calibration, {
        bits: 4,
      }),
    ).rejects.toThrow(NumericalError)
  })
})

/** Optimal brain quantisation in a fixed order, by inverting what is left of the matrix at every step. */
function naive(scale: Float32Array, zero: Float32Array): number[] {
  const h = Array.from({ length: COLUMNS }, (_, i) =>
    Array.from((calibration.data as Float64Array).subarray(i * COLUMNS, (i + 1) * COLUMNS)),
  )
  const damping = (0.05 * h.reduce((sum, row, i) => sum + row[i]!, 0)) / COLUMNS
  for (let i = 0; i < COLUMNS; i++) h[i]![i]! += damping
  let inverse = invert(h)
  const left = Array.from({ length: ROWS }, (_, row) =>
    Array.from(toFloat32(weight).subarray(row * COLUMNS, (row + 1) * COLUMNS)),
  )
  const out = new Array<number>(ROWS * COLUMNS)
  for (let j = 0; j < COLUMNS; j++) {
    for (let row = 0; row < ROWS; row++) {
      const quotient = Math.fround(Math.fround(left[row]![j]!) / scale[row]!)
      const down = Math.floor(quotient)
      const nearest = quotient - down === 0.5 ? (down % 2 === 0 ? down : down + 1) : Math.round(quotient)
      const code = Math.min(7, Math.max(0, nearest + zero[row]!))
      const value = Math.fround((code - zero[row]!) * scale[row]!)
      out[row * COLUMNS + j] = value
      const error = (left[row]![j]! - value) / inverse[0]![0]!
      for (let k = j; k < COLUMNS; k++) left[row]![k]! -= error * inverse[0]![k - j]!
    }
    // Removing the first variable from the inverse (Gaussian elimination of its row and column).
    inverse = inverse
      .slice(1)
      .map((row, i) =>
        row.slice(1).map((value, k) => value - (inverse[i + 1]![0]! * inverse[0]![k + 1]!) / inverse[0]![0]!),
      )
  }
  return out
}

function invert(matrix: number[][]): number[][] {
  const n = matrix.length
  const work = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))])
  for (let i = 0; i < n; i++) {
    const pivot = work[i]![i]!
    for (let j = 0; j < 2 * n; j++) work[i]![j]! /= pivot
    for (let row = 0; row < n; row++) {
      const factor = work[row]![i]!
      if (row === i || factor === 0) continue
      for (let j = 0; j < 2 * n; j++) work[row]![j]! -= factor * work[i]![j]!
    }
  }
  return work.map(row => row.slice(n))
}
