import { ShapeError } from '@tersor/core-tensor'
import { randomModel } from '@tersor/models/testing'
import { describe, expect, it } from 'vitest'
import { sampleWindows } from './sample-windows.ts'

describe('sampleWindows', () => {
  const model = randomModel()
  const draw = (tokens: number, seed: number) =>
    sampleWindows(model, { tokens, seed, bos: 1, windowLength: 9 })

  it('draws full windows that the seed decides', async () => {
    const windows = await draw(20, 5)
    expect(windows.map(window => [window.length, window[0]])).toEqual([
      [9, 1],
      [9, 1],
      [9, 1],
    ])
    expect(await draw(20, 5)).toEqual(windows)
    expect(await draw(20, 6)).not.toEqual(windows)
  })

  it('begins a longer sample with the shorter one', async () => {
    const long = await draw(18 * 8, 5)
    expect(long.slice(0, 3)).toEqual(await draw(20, 5))
    expect(new Set(long.map(String)).size).toBe(long.length)
  })

  it('draws from the model: likely tokens come more often', async () => {
    const { logits } = await model.forward(Int32Array.of(1), { cache: model.createCache() })
    const scores = [...(logits!.data as Float32Array)]
    const likeliest = scores.indexOf(Math.max(...scores))
    const first = (await sampleWindows(model, { tokens: 400, seed: 2, bos: 1, windowLength: 2 })).map(
      window => window[1],
    )
    const weights = scores.map(Math.exp)
    const expected = (400 * weights[likeliest]!) / weights.reduce((a, b) => a + b, 0)
    const deviation = Math.sqrt(expected)
    expect(Math.abs(first.filter(token => token === likeliest).length - expected)).toBeLessThan(4 * deviation)
  })

  it('refuses windows that the model cannot hold', async () => {
    await expect(sampleWindows(model, { tokens: 8, seed: 0, bos: 1, windowLength: 33 })).rejects.toThrow(
      ShapeError,
    )
  })
})
