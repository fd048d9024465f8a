import {
  type Encoded,
  NumericalError,
  ShapeError,
  type StatisticName,
  sizeOf,
  Tensor,
  UnsupportedError,
  withParts,
} from '@tersor/core-tensor'
import { gram, reduce } from '@tersor/core-tensor/reference'
import { configFromHuggingFace, Decoder, EMBEDDING, FINAL_NORM, HEAD, inLayer } from '@tersor/models'
import { randomModel, smallConfig, smallJson, smallMixture } from '@tersor/models/testing'
import { rtn } from '@tersor/quantize'
import { describe, expect, it } from 'vitest'
import type { BlockStatistics } from './block-statistics.ts'
import { calibrateBlocks } from './calibrate-blocks.ts'
import { collectStatistics } from './collect-statistics.ts'

const windows = [Int32Array.of(1, 2, 3, 4, 5), Int32Array.of(9, 8, 7)]
const untiedJson = { ...smallJson, tie_word_embeddings: false }
const untied = configFromHuggingFace(untiedJson)
const deeper = configFromHuggingFace({ ...untiedJson, num_hidden_layers: 3 })
const nothing = () => new Map<string, Tensor | Encoded>()

/** The inputs of a weight over all windows, as a whole forward pass shows them. */
async function inputsOf(model: Decoder, name: string): Promise<Tensor> {
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

function expectClose(found: Tensor | undefined, expected: Tensor): void {
  expect(found?.dims).toEqual(expected.dims)
  const values = expected.data as Float64Array
  values.forEach((value, i) => {
    expect(found!.data[i]! as number).toBeCloseTo(value, 5)
  })
}

/** What the weights of a block are called. */
function rolesOf(layer: number) {
  const role = (name: string) => inLayer(layer, name)
  return {
    ...{ query: role('attention.query'), value: role('attention.value') },
    ...{ gate: role('feedForward.gate'), up: role('feedForward.up'), down: role('feedForward.down') },
    ...{ feedForwardNorm: role('feedForward.before'), router: role('feedForward.router') },
  }
}

/** A router that sends every token to expert 0 and to one of 1 and 3, never to 2 or 4. */
function lopsided(layer: number): Map<string, Tensor> {
  const router = new Float32Array(5 * 16)
  for (let i = 0; i < 16; i++) [router[16 + i], router[48 + i]] = [i + 1, -i - 1]
  return new Map([[rolesOf(layer).router, new Tensor('float32', router, [5, 16])]])
}

/** A weight of zeros in the place of another one. */
function zeros(model: Decoder, name: string): Map<string, Tensor | Encoded> {
  const { dims } = model.weights.get(name)!
  return new Map([[name, new Tensor('float32', new Float32Array(dims[0]! * dims[1]!), dims)]])
}

/** A copy of a model with one number of a weight replaced. */
function spoiled(model: Decoder, name: string, at: number, value: number): Decoder {
  const { data, dims } = model.weights.get(name) as Tensor
  const values = (data as Float32Array).slice()
  values[at] = value
  return model.with(new Map([[name, new Tensor('float32', values, dims)]]))
}

describe('calibrateBlocks', () => {
  it('gathers every statistic of every input, shared where the input is', async () => {
    const model = randomModel(untied)
    const { query, value, down } = rolesOf(1)
    const expected = new Map<string, Tensor>()
    for (const name of [query, down, HEAD]) expected.set(name, await inputsOf(model, name))
    const seen: number[] = []
    const statistics = ['gram', 'absMax', 'meanAbs', 'meanSquare', 'inputs'] as const
    await calibrateBlocks(model, windows, { statistics, head: true }, block => {
      seen.push(block.layer)
      expect(block.original).toBeUndefined()
      expect([...block.weights.keys()]).toEqual(
        block.layer < smallConfig.layers.length ? model.blockWeights(block.layer) : [HEAD],
      )
      for (const name of block.weights.keys()) {
        expect(block.samples.get(name)).toBe(8)
        const x = expected.get(name)
        if (x === undefined) continue
        const found = block.statistics.get(name)!
        expect(Object.keys(found).sort()).toEqual([...statistics].sort())
        expectClose(found.gram, gram(x))
        expectClose(found.absMax, reduce('absMax', x, { axis: 0 }))
        const squares = reduce('sumSquares', x, { axis: 0 })
        expectClose(
          found.meanSquare,
          new Tensor(
            'float64',
            (squares.data as Float64Array).map(s => s / 8),
            squares.dims,
          ),
        )
        expect(found.inputs?.dims).toEqual(x.dims)
        const sum = (rows: Tensor) => reduce('sum', rows.reshape([rows.size]), { axis: 0 }).data[0] as number
        expect(sum(found.inputs!)).toBeCloseTo(sum(x), 3)
      }
      if (block.layer === 1) {
        expect(block.statistics.get(query)).toBe(block.statistics.get(value))
        expect(block.statistics.get(query)).not.toBe(block.statistics.get(down))
      }
      return nothing()
    })
    expect(seen).toEqual([0, 1, 2])
  })

  it('gathers what each weight wants, and runs no further than that', async () => {
    const model = randomModel()
    const { value, down } = rolesOf(0)
    const wanted: Record<string, readonly StatisticName[]> = {
      [value]: ['absMax'],
      [down]: ['gram', 'meanAbs'],
    }
    const blocks: BlockStatistics[] = []
    const progress: string[] = []
    await calibrateBlocks(
      model,
      windows,
      {
        statistics: name => wanted[name] ?? [],
        onProgress: (done, total) => void progress.push(`${done}/${total}`),
      },
      block => {
        blocks.push(block)
        return nothing()
      },
    )
    expect(blocks.map(({ layer }) => layer)).toEqual([0, 1])
    const names = (layer: number) =>
      Array.from(blocks[layer]!.statistics.values(), found => Object.keys(found).join('+'))
    expect(names(0)).toEqual(['absMax', 'absMax', 'absMax', '', '', '', 'gram+meanAbs'])
    expect(names(1)).toEqual(['', '', '', '', '', '', ''])
    // One block over two windows: nothing behind it is wanted.
    expect(progress).toEqual(['1/2', '2/2'])
  })

  it('feeds later blocks what replaced blocks give', async () => {
    const model = randomModel()
    const name = rolesOf(0).down
    const replacement = zeros(model, name)
    const after = await inputsOf(model.with(replacement), rolesOf(1).query)
    const before = await inputsOf(model, rolesOf(1).query)
    const results: Record<string, BlockStatistics> = {}
    for (const inputs of ['quantized', 'original', 'both'] as const) {
      const replaced = await calibrateBlocks(model, windows, { statistics: ['gram'], inputs }, block => {
        if (block.layer === 1) results[inputs] = block
        return block.layer === 0 ? replacement : nothing()
      })
      expect(replaced.weights.get(name)).toBe(replacement.get(name))
      expect(model.weights.get(name)).not.toBe(replacement.get(name))
    }
    const { query } = rolesOf(1)
    const { quantized, original, both } = results
    expectClose(quantized!.statistics.get(query)?.gram, gram(after))
    expectClose(original!.statistics.get(query)?.gram, gram(before))
    expectClose(both!.statistics.get(query)?.gram, gram(after))
    expectClose(both!.original?.get(query)?.gram, gram(before))
    expect(quantized!.original).toBeUndefined()
  })

  it('samples the same tokens of both models', async () => {
    const model = randomModel()
    const options = { statistics: ['inputs'], inputs: 'both', sample: { rows: 3, seed: 5 } } as const
    const { query, down } = rolesOf(0)
    const pairs: [Tensor, Tensor][] = []
    await calibrateBlocks(model, windows, options, ({ statistics, original, layer }) => {
      const at = rolesOf(layer).query
      pairs.push([statistics.get(at)!.inputs!, original!.get(at)!.inputs!])
      return layer === 0 ? new Map([...zeros(model, query), ...zeros(model, down)]) : nothing()
    })
    expect(pairs[0]![0].data).toEqual(pairs[0]![1].data)
    const rowsOf = async (of: Decoder) => {
      const x = await inputsOf(of, rolesOf(1).query)
      return Array.from({ length: 8 }, (_, i) => [...(x.rows(i, i + 1).data as Float64Array)])
    }
    const places = (rows: number[][], sample: Tensor) =>
      Array.from({ length: 3 }, (_, i) => {
        const row = sample.rows(i, i + 1).data as Float32Array
        return rows.findIndex(candidate => candidate.every((value, j) => Math.abs(value - row[j]!) < 1e-5))
      })
    const replaced = model.with(new Map([...zeros(model, query), ...zeros(model, down)]))
    const found = places(await rowsOf(replaced), pairs[1]![0])
    expect(places(await rowsOf(model), pairs[1]![1])).toEqual(found)
    expect(new Set(found).size).toBe(3)
    expect(found).not.toContain(-1)
  })

  it('goes on at a block as a walk that never stopped', async () => {
    const model = randomModel(deeper)
    const compress = ({ weights }: BlockStatistics) =>
      new Map(
        Array.from(weights, ([name, weight]) => [name, rtn(weight as Tensor, { bits: 3, groupSize: 4 })]),
      )
    for (const inputs of ['quantized', 'original', 'both'] as const) {
      const options = { statistics: ['gram'], inputs, head: true } as const
      const whole: BlockStatistics[] = []
      const replaced = await calibrateBlocks(model, windows, options, block => {
        whole.push(block)
        return compress(block)
      })
      const done = new Map(
        [0, 1].flatMap(layer => model.blockWeights(layer)).map(name => [name, replaced.weights.get(name)!]),
      )
      const rest: BlockStatistics[] = []
      await calibrateBlocks(model, windows, { ...options, from: 2, replaced: done }, block => {
        rest.push(block)
        return compress(block)
      })
      expect(rest.map(({ layer }) => layer)).toEqual([2, 3])
      for (const [i, block] of rest.entries()) {
        expect(block.statistics).toEqual(whole[i + 2]!.statistics)
        expect(block.original).toEqual(whole[i + 2]!.original)
      }
    }
    const options = { statistics: ['gram'], from: 4 } as const
    await expect(calibrateBlocks(model, windows, options, nothing)).rejects.toThrow(ShapeError)
  })

  it('hands over a head only where it is asked for and is not the embedding', async () => {
    const layersOf = async (model: Decoder, head: boolean) => {
      const layers: number[] = []
      await calibrateBlocks(model, windows, { statistics: ['gram'], head }, ({ layer, weights }) => {
        layers.push(layer)
        expect(weights.has(EMBEDDING)).toBe(false)
        return nothing()
      })
      return layers
    }
    expect(await layersOf(randomModel(), true)).toEqual([0, 1])
    expect(await layersOf(randomModel(untied), true)).toEqual([0, 1, 2])
    expect(await layersOf(randomModel(untied), false)).toEqual([0, 1])
  })

  it('computes no logits, nor what lies behind the last block that matters', async () => {
    const model = randomModel(untied)
    const heads: string[] = []
    class Watched extends Decoder {
      override head(): Tensor {
        throw new Error('logits')
      }
      override headInput(x: Tensor): Tensor {
        heads.push('input')
        return super.headInput(x)
      }
    }
    const watched = new Watched(model.config, model.weights)
    await calibrateBlocks(watched, windows, { statistics: ['gram'] }, nothing)
    expect(heads).toEqual([])
    await calibrateBlocks(watched, windows, { statistics: ['gram'], head: true }, nothing)
    expect(heads).toEqual(['input', 'input'])
  })

  it('calibrates each expert on the tokens that chose it', async () => {
    const model = randomModel(smallMixture).with(lopsided(0))
    const [chosen, unused] = [1, 4].map(expert => inLayer(0, `feedForward.experts.${expert}.gate`)) as [
      string,
      string,
    ]
    const x = await inputsOf(model, chosen)
    await calibrateBlocks(
      model,
      windows,
      { statistics: ['gram', 'meanAbs'] },
      ({ layer, weights, ...block }) => {
        if (layer !== 0) return nothing()
        expect([...weights.keys()]).toEqual(model.blockWeights(0))
        expectClose(block.statistics.get(chosen)?.gram, gram(x))
        expect(block.samples.get(chosen)).toBe(x.dims[0])
        const { gram: none, meanAbs } = block.statistics.get(unused)!
        expect([...none!.data, ...meanAbs!.data].every(value => value === 0)).toBe(true)
        expect(block.samples.get(unused)).toBe(0)
        return nothing()
      },
    )
  })

  it('names what is not finite before it spreads', async () => {
    const model = randomModel()
    const run = (
      of: Decoder,
      compress: (block: BlockStatistics) => Map<string, Tensor | Encoded> = nothing,
    ) => calibrateBlocks(of, windows, { statistics: ['gram'] }, compress)
    const { down, up, feedForwardNorm } = rolesOf(1)
    for (const [name, at, value] of [
      [down, 37, Number.NaN],
      [feedForwardNorm, 3, Infinity],
      [FINAL_NORM, 0, Number.NaN],
      [EMBEDDING, 23 * 16, -Infinity], // of a token that no window has
    ] as const) {
      const failure = run(spoiled(model, name, at, value))
      await expect(failure).rejects.toThrow(NumericalError)
      await expect(failure).rejects.toThrow(`'${name}', got ${value}`)
      await expect(
        collectStatistics(spoiled(model, name, at, value), windows, { statistics: ['gram'] }),
      ).rejects.toThrow(`'${name}'`)
    }
    await expect(run(spoiled(model, down, 37, Number.NaN))).rejects.toThrow('at [1,17];')
    const coded = rtn(model.weights.get(up) as Tensor, { bits: 4, groupSize: 4 })
    const { scale } = coded.parts
    const broken = withParts(coded, {
      scale: new Tensor('float32', new Float32Array(sizeOf(scale!.dims)).fill(Infinity), scale!.dims),
    })
    await expect(run(model.with(new Map([[up, broken]])))).rejects.toThrow(`'scale' of '${up}'`)
    await expect(run(model, () => new Map([[up, broken]]))).rejects.toThrow(
      `'scale' of what replaces '${up}'`,
    )
    // Finite weights whose products overflow.
    const { gate, down: first } = rolesOf(0)
    const huge = spoiled(spoiled(model, gate, 0, 3e38), rolesOf(0).up, 0, 3e38)
    await expect(run(huge)).rejects.toThrow(`finite input of '${first}'`)
    const leaving = calibrateBlocks(
      huge,
      windows,
      { statistics: name => (name === rolesOf(1).query ? ['gram'] : []) },
      nothing,
    )
    await expect(leaving).rejects.toThrow('what leaves block 0')
  })

  it('needs text that the model can read, and stops between windows', async () => {
    const model = randomModel()
    const options = { statistics: ['gram'] } as const
    for (const text of [[], [new Int32Array(0)], [new Int32Array(33)], [Int32Array.of(24)]])
      await expect(calibrateBlocks(model, text, options, nothing)).rejects.toThrow(ShapeError)
    const misspelt = { statistics: ['grams'] } as unknown as typeof options
    await expect(calibrateBlocks(model, windows, misspelt, nothing)).rejects.toThrow("got 'grams'")
    const signal = AbortSignal.abort(new Error('stop'))
    await expect(calibrateBlocks(model, windows, { ...options, signal }, nothing)).rejects.toThrow('stop')
    const controller = new AbortController()
    let last = 0
    const stopped = calibrateBlocks(
      model,
      windows,
      {
        ...options,
        signal: controller.signal,
        onProgress: done => {
          last = done
          if (done === 3) controller.abort(new Error('enough'))
        },
      },
      nothing,
    )
    await expect(stopped).rejects.toThrow('enough')
    expect(last).toBe(3)
  })

  it('takes gathered statistics in the place of text', async () => {
    const model = randomModel(untied)
    const options = { statistics: ['gram', 'absMax'], head: true } as const
    const gathered = await collectStatistics(model, windows, options)
    const [live, recalled]: BlockStatistics[][] = [[], []]
    await calibrateBlocks(model, windows, { ...options, inputs: 'original' }, block => {
      live!.push(block)
      return nothing()
    })
    class Idle extends Decoder {
      override embed(): Tensor {
        throw new Error('it ran')
      }
    }
    const idle = new Idle(model.config, model.weights)
    await calibrateBlocks(idle, gathered, options, block => {
      recalled!.push(block)
      return nothing()
    })
    expect(recalled).toEqual(live)
    const ask = (of: Decoder, asked: object) =>
      calibrateBlocks(of, gathered, { ...options, ...asked }, nothing)
    await expect(ask(model, { statistics: ['meanAbs'] })).rejects.toThrow(UnsupportedError)
    await expect(ask(model, { inputs: 'both' })).rejects.toThrow(UnsupportedError)
    await expect(ask(randomModel(deeper), {})).rejects.toThrow('layers.2')
    await expect(
      ask(randomModel(configFromHuggingFace({ ...untiedJson, intermediate_size: 24 })), {}),
    ).rejects.toThrow(ShapeError)
  })

  it('gives back the same function where replacements are the same weights', async () => {
    const model = randomModel()
    const same = await calibrateBlocks(model, windows, { statistics: [] }, ({ weights }) => new Map(weights))
    expect(same.weights).toEqual(model.weights)
  })
})
