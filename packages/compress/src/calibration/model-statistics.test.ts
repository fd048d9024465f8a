import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError, NumericalError, Rng, ShapeError, type StatisticName, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors } from '@tersor/formats'
import { randomModel, smallConfig, smallMixture } from '@tersor/models/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collectStatistics } from './collect-statistics.ts'
import { loadStatistics } from './load-statistics.ts'
import { ModelStatistics } from './model-statistics.ts'
import { saveStatistics } from './save-statistics.ts'

const every = ['gram', 'absMax', 'meanAbs', 'meanSquare', 'inputs'] as const
const rng = new Rng(1)
const texts = Array.from({ length: 6 }, () =>
  Int32Array.from({ length: 4 + rng.integer(20) }, () => rng.integer(smallConfig.vocabSize)),
)

/** All numbers of statistics, by weight and name. */
const valuesOf = (gathered: ModelStatistics) =>
  new Map(
    gathered.weights.flatMap(weight =>
      Object.entries(gathered.get(weight)!).map(([name, tensor]) => [`${weight} ${name}`, tensor!] as const),
    ),
  )

function expectSame(found: ModelStatistics, expected: ModelStatistics): void {
  expect(found.weights).toEqual(expected.weights)
  const values = valuesOf(found)
  for (const [key, { data, dims }] of valuesOf(expected)) {
    expect(values.get(key)!.dims).toEqual(dims)
    const [got, want] = [values.get(key)!.data, data] as [Float64Array, Float64Array]
    const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const off = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0)
    expect(off, key).toBeLessThanOrEqual(1e-12 * largest)
  }
  for (const weight of expected.weights) expect(found.samples(weight)).toBe(expected.samples(weight))
}

describe('ModelStatistics', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-statistics-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ['a dense model', { ...smallConfig, tied: false }],
    ['a mixture of experts', smallMixture],
  ])('are those of all text, however %s saw it: in one walk or in several that merge', async (_, config) => {
    const model = randomModel(config)
    const options = { statistics: every, head: true, sample: { rows: 20, seed: 2 } } as const
    const whole = await collectStatistics(model, texts, options)
    const alone: ModelStatistics[] = []
    const bytes = (gathered: ModelStatistics) =>
      encodeSafetensors(gathered.toTensors(), { metadata: gathered.metadata })
    for (const text of texts) alone.push(await collectStatistics(model, [text], options))
    const saved = alone.map(bytes)
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
        fc.nat(5),
        async (order, split) => {
          const parts = await Promise.all(order.map(i => loadStatistics(saved[i]!)))
          const sum = (some: ModelStatistics[]) =>
            some.reduce((all, part) => all.merge(part), new ModelStatistics())
          const merged = sum(parts.slice(split)).merge(sum(parts.slice(0, split)))
          expectSame(merged, whole)
        },
      ),
      { numRuns: 12, seed: 1 },
    )
  })

  it('come back from a file with what shares what', async () => {
    const gathered = await collectStatistics(randomModel(), texts, {
      statistics: name => (name.includes('down') ? every : ['absMax']),
    })
    const path = join(folder, 'here.safetensors')
    await saveStatistics(path, gathered)
    const loaded = await loadStatistics(path)
    expect(loaded.weights).toEqual(gathered.weights)
    expect(valuesOf(loaded)).toEqual(valuesOf(gathered))
    expect(loaded.metadata).toEqual(gathered.metadata)
    const [query, key] = ['layers.1.attention.query', 'layers.1.attention.key']
    const both = loaded.of([query, key])
    expect(both.get(query)).toBe(both.get(key))
    const file = await openSafetensors(path)
    expect(file.tensors.has('layers.0.feedForward.down.gram.count')).toBe(true)
    expect([...file.tensors.keys()].some(name => name.startsWith(key))).toBe(false)
    await file.close()
  })

  it('grow independently of what they were loaded from', async () => {
    const x = new Tensor('float32', [1, 2], [1, 2])
    const first = new ModelStatistics()
    await first.collect(['w'], x, { statistics: ['gram'] })
    const second = ModelStatistics.fromTensors(first.toTensors(), new Map(Object.entries(first.metadata)))
    await second.collect(['w'], x, { statistics: ['gram'] })
    expect([first.samples('w'), second.samples('w')]).toEqual([1, 2])
    expect(first.get('w')?.gram?.data).toEqual(Float64Array.of(1, 2, 2, 4))
    expect(first.get('v')).toBeUndefined()
    expect(first.samples('v')).toBe(0)
  })

  it('name the weight whose input is not finite', async () => {
    const broken = new Tensor('float32', [1, Number.NaN], [1, 2])
    const collected = new ModelStatistics().collect(['q', 'k'], broken, { statistics: ['absMax'] })
    await expect(collected).rejects.toThrow(NumericalError)
    await expect(collected).rejects.toThrow("a finite input of 'q', 'k'")
  })

  it('refuse to merge with what is of other weights or of less', async () => {
    const of = async (weight: string, statistics: readonly StatisticName[]) => {
      const gathered = new ModelStatistics()
      await gathered.collect([weight], new Tensor('float32', [1, 2], [1, 2]), { statistics })
      return gathered
    }
    const gram = await of('w', ['gram'])
    const others = [await of('v', ['gram']), await of('w', ['gram', 'absMax'])]
    for (const other of others) expect(() => gram.merge(other)).toThrow(ShapeError)
    expect(gram.samples('w')).toBe(1)
    expect(gram.merge(new ModelStatistics()).samples('w')).toBe(1)
  })

  it('refuse files of others, and damaged ones', async () => {
    const gathered = new ModelStatistics()
    await gathered.collect(['w'], new Tensor('float32', [1, 2], [1, 2]), { statistics: ['gram'] })
    const tensors = gathered.toTensors()
    const load = (text: string) =>
      loadStatistics(encodeSafetensors(tensors, { metadata: { statistics: text } }))
    await expect(load(gathered.metadata.statistics!)).resolves.toBeInstanceOf(ModelStatistics)
    await expect(loadStatistics(encodeSafetensors(tensors))).rejects.toThrow(FormatError)
    const entry = { weights: ['w'], statistics: ['gram'] }
    for (const damaged of [
      'nonsense',
      'null',
      '{}',
      '[1]',
      '[null]',
      JSON.stringify([{ ...entry, weights: [] }]),
      JSON.stringify([{ ...entry, weights: [1] }]),
      JSON.stringify([{ ...entry, weights: ['w', 'w'] }]),
      JSON.stringify([entry, entry]),
      JSON.stringify([{ ...entry, statistics: ['constructor'] }]),
      JSON.stringify([{ ...entry, statistics: ['gram', 'gram'] }]),
      JSON.stringify([{ ...entry, statistics: ['absMax'] }]),
      JSON.stringify([{ ...entry, weights: ['v'] }]),
    ]) {
      await expect(load(damaged), damaged).rejects.toThrow(FormatError)
    }
  })
})
