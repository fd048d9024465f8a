import { type Encoded, ShapeError, Tensor } from '@tersor/core-tensor'
import { matmul, transpose } from '@tersor/core-tensor/reference'
import { blockWeightNames, EMBEDDING, expertWeightNames } from '@tersor/models'
import { randomLlama, smallConfig, smallMixture } from '@tersor/models/testing'
import { describe, expect, it } from 'vitest'
import { calibrateBlocks } from './calibrate-blocks.ts'

const windows = [Int32Array.of(1, 2, 3, 4, 5), Int32Array.of(9, 8, 7)]

/** The inputs of a weight over all windows, as a whole forward pass shows them. */
async function inputsOf(model: ReturnType<typeof randomLlama>, name: string): Promise<Tensor> {
  const rows: number[] = []
  let width = 0
  for (const window of windows) {
    await model.forward(window, {
      cache: model.createCache(),
      logits: 'all',
      taps: {
        linear(names, x) {
          if (!names.includes(name)) return
          width = x.dims[1]!
          rows.push(...(x.data as Float32Array))
        },
      },
    })
  }
  return new Tensor('float64', rows, [rows.length / width, width])
}

const product = (x: Tensor) => matmul(transpose(x, [1, 0]), x).data as Float64Array

/** A router that sends every token to expert 0 and to one of 1 and 3, never to 2 or 4. */
function lopsided(layer: number): Map<string, Tensor> {
  const router = new Float32Array(5 * 16)
  for (let i = 0; i < 16; i++) [router[16 + i], router[48 + i]] = [i + 1, -i - 1]
  return new Map([[blockWeightNames(layer).router, new Tensor('float32', router, [5, 16])]])
}

describe('calibrateBlocks', () => {
  it('collects xᵀx of every linear input, shared where the input is', async () => {
    const model = randomLlama()
    const seen: number[] = []
    const expected = new Map<string, Float64Array>()
    for (const name of [blockWeightNames(1).query, blockWeightNames(1).down, EMBEDDING])
      expected.set(name, product(await inputsOf(model, name)))
    await calibrateBlocks(model, windows, ({ layer, grams, weights, samples }) => {
      seen.push(layer)
      expect(samples).toBe(8)
      for (const name of weights.keys()) {
        const known = expected.get(name)
        const gram = grams.get(name)!
        known?.forEach((value, i) => {
          expect((gram.data as Float64Array)[i]).toBeCloseTo(value, 5)
        })
      }
      if (layer < smallConfig.layers) {
        const names = blockWeightNames(layer)
        expect(grams.get(names.query)).toBe(grams.get(names.value))
        expect(grams.get(names.query)).not.toBe(grams.get(names.down))
        expect([...weights.keys()]).toEqual(model.blockWeights(layer))
      }
      return new Map()
    })
    expect(seen).toEqual([0, 1, 2])
  })

  it('feeds later blocks what replaced blocks give', async () => {
    const model = randomLlama()
    const name = blockWeightNames(0).down
    const zeros = new Tensor('float32', new Float32Array(16 * 20), [16, 20])
    const replaced = await calibrateBlocks(model, windows, ({ layer, grams }) => {
      if (layer === 0) return new Map<string, Tensor | Encoded>([[name, zeros]])
      if (layer === 1) {
        const gram = grams.get(blockWeightNames(1).query)!.data as Float64Array
        return inputsOf(model.with(new Map([[name, zeros]])), blockWeightNames(1).query).then(x => {
          product(x).forEach((value, i) => {
            expect(gram[i]).toBeCloseTo(value, 5)
          })
          return new Map()
        })
      }
      return new Map()
    })
    expect(replaced.weights.get(name)).toBe(zeros)
    expect(model.weights.get(name)).not.toBe(zeros)
  })

  it('calibrates each expert on the tokens that chose it', async () => {
    const model = randomLlama(smallMixture).with(lopsided(0))
    const names = expertWeightNames(0, 1)
    const expected = product(await inputsOf(model, names.gate))
    await calibrateBlocks(model, windows, ({ layer, weights, grams }) => {
      if (layer !== 0) return new Map()
      expect([...weights.keys()]).toEqual(model.blockWeights(0))
      const gram = grams.get(names.gate)!.data as Float64Array
      expected.forEach((value, i) => {
        expect(gram[i]).toBeCloseTo(value, 5)
      })
      const unused = grams.get(expertWeightNames(0, 4).gate)!.data as Float64Array
      expect(unused.every(value => value === 0)).toBe(true)
      return new Map()
    })
  })

  it('needs text, and stops when told to', async () => {
    const model = randomLlama()
    await expect(calibrateBlocks(model, [], () => new Map())).rejects.toThrow(ShapeError)
    const signal = AbortSignal.abort(new Error('stop'))
    await expect(calibrateBlocks(model, windows, () => new Map(), { signal })).rejects.toThrow('stop')
  })
})
