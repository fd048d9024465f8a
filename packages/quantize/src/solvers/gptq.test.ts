import { decode, NumericalError, Tensor, toFloat32 } from '@tersor/core-tensor'
import { describeWeightMethod, gramOf, layerInputs, normals } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { rotateMethod } from '../transforms/rotate.ts'
import { gptq, gptqMethod } from './gptq.ts'
import { rtn, rtnMethod } from './rtn.ts'

const ROWS = 24
const COLUMNS = 96

const weight = normals([ROWS, COLUMNS], 1)
const calibration = gramOf(layerInputs(COLUMNS, 10))

describe('gptq', () => {
  it('is rounding to nearest where inputs are uncorrelated', async () => {
    const identity = new Tensor(
      'float64',
      Float64Array.from({ length: COLUMNS * COLUMNS }, (_, i) => (i % (COLUMNS + 1) === 0 ? 1 : 0)),
      [COLUMNS, COLUMNS],
    )
    for (const actOrder of [false, true]) {
      const small = await gptq(weight, identity, { bits: 4, groupSize: 32, actOrder })
      expect(small).toEqual(rtn(weight, { bits: 4, groupSize: 32 }))
    }
  })

  it('follows the published recurrence: columns solved one by one give the same weights', async () => {
    const small = await gptq(weight, calibration, {
      bits: 3,
      groupSize: 'channel',
      zero: 'integer',
      damping: 0.05,
    })
    const rounded = rtn(weight, { bits: 3, groupSize: 'channel', zero: 'integer' })
    const scale = toFloat32(rounded.parts.scale as Tensor)
    const zero =
      (rounded.parts.zero as Tensor | undefined) ?? new Tensor('uint8', new Uint8Array(ROWS), [ROWS, 1])
    const zeros = toFloat32(zero)
    expect(Array.from(toFloat32(decode(small)))).toEqual(naive(scale, zeros))
  })

  it('leaves columns whose input was always zero to plain rounding', async () => {
    const x = layerInputs(COLUMNS, 10)
    const data = Float32Array.from(x.data as Float32Array, (value, i) => (i % COLUMNS === 5 ? 0 : value))
    const small = await gptq(weight, gramOf(new Tensor('float32', data, x.dims)), {
      bits: 4,
      groupSize: 'channel',
    })
    const rounded = toFloat32(decode(rtn(weight, { bits: 4, groupSize: 'channel' })))
    const back = toFloat32(decode(small))
    for (let row = 0; row < ROWS; row++) expect(back[row * COLUMNS + 5]).toBe(rounded[row * COLUMNS + 5])
  })

  it('gives the same bytes for the same statistics, reports progress and stops when told to', async () => {
    const progress: number[] = []
    const wide = normals([4, 300], 2)
    const identity = new Tensor(
      'float64',
      Float64Array.from({ length: 300 * 300 }, (_, i) => (i % 301 === 0 ? 1 : 0.1)),
      [300, 300],
    )
    const encode = () =>
      gptq(wide, identity, { bits: 3, groupSize: 32, onProgress: done => progress.push(done) })
    expect(await encode()).toEqual(await encode())
    expect(progress.slice(0, 3)).toEqual([1, 2, 3])
    await expect(
      gptq(wide, identity, { bits: 3, signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop')
  })

  it('names the layer and the damping when the matrix stays indefinite', async () => {
    const indefinite = new Tensor('float64', [1, 2, 2, 1], [2, 2])
    const failing = gptq(normals([3, 2], 1), indefinite, {
      bits: 4,
      name: 'layers.3.feedForward.up',
      damping: 0.02,
    })
    await expect(failing).rejects.toThrow(NumericalError)
    await expect(failing).rejects.toThrow(/feedForward.up\] .*damping 0\.02; raise damping/)
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

describeWeightMethod(gptqMethod, [
  {
    options: { bits: 2 },
    after: { method: rotateMethod },
    bitsPerWeight: 3.146,
    loses: [0, 1],
    beats: { method: rtnMethod, options: { bits: 2 }, after: { method: rotateMethod }, by: 0.6 },
  },
  { bitsPerWeight: 5.104, loses: [0.0012, 0.0016], beats: { method: rtnMethod, options: {}, by: 0.6 } },
  {
    options: { bits: 2 },
    bitsPerWeight: 3.104,
    loses: [0.035, 0.048],
    beats: { method: rtnMethod, options: { bits: 2 }, by: 0.6 },
  },
  {
    options: { bits: 3, actOrder: true },
    bitsPerWeight: 4.104,
    loses: [0.0033, 0.0045],
    beats: { method: rtnMethod, options: { bits: 3 }, by: 0.6 },
  },
  {
    options: { bits: 2, range: 'mse' },
    bitsPerWeight: 3.104,
    loses: [0.027, 0.037],
    beats: { method: rtnMethod, options: { bits: 2, range: 'mse' }, by: 0.6 },
  },
  {
    options: { bits: 3, zero: 'middle', groupSize: 'channel' },
    bitsPerWeight: 3.313,
    loses: [0.013, 0.018],
    beats: { method: rtnMethod, options: { bits: 3, zero: 'middle', groupSize: 'channel' }, by: 0.6 },
  },
  {
    options: { grid: 'nf4' },
    bitsPerWeight: 5.326,
    loses: [0.0015, 0.0021],
    beats: { method: rtnMethod, options: { grid: 'nf4' }, by: 0.6 },
  },
  {
    options: { grid: 'mxfp4' },
    bitsPerWeight: 4.705,
    loses: [0.0027, 0.0036],
    beats: { method: rtnMethod, options: { grid: 'mxfp4' }, by: 0.6 },
  },
  {
    options: { grid: 'float8', groupSize: 'channel' },
    bitsPerWeight: 8.375,
    loses: [0.00013, 0.00018],
    beats: { method: rtnMethod, options: { grid: 'float8', groupSize: 'channel' }, by: 0.6 },
  },
])
