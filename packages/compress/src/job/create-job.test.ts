import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Stage } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { Decoder, loadModel, type ModelFile, openModel, weightShapes } from '@tersor/models'
import { randomModel, smallJson, storedWeights } from '@tersor/models/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toyRecipe, toyWindows } from '../../testing/toy-job.ts'
import { toyMethods } from '../../testing/toy-methods.ts'
import { collectStatistics } from '../calibration/collect-statistics.ts'
import { loadStatistics } from '../calibration/load-statistics.ts'
import type { Recipe } from '../recipe.ts'
import { createJob, type JobSettings } from './create-job.ts'

const recipe = {
  name: 'halves and bytes',
  rules: [
    { match: '*embed*', use: [{ method: 'half' }] },
    { match: '*', use: [{ method: 'bytes' }, { method: 'towards' }] },
  ],
}

describe('createJob', () => {
  let folder = ''
  let source: ModelFile
  const at = (...names: string[]) => join(folder, ...names)
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-job-'))
    await mkdir(at('model'))
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(storedWeights(randomModel())))
    await writeFile(at('model', 'config.json'), JSON.stringify({ ...smallJson, bos_token_id: 1 }))
    await writeFile(at('model', 'tokenizer.json'), '{}')
    source = await openModel(at('model'))
  })
  afterEach(async () => {
    await source.close()
    await rm(folder, { recursive: true })
  })

  it('writes a model, its configuration and its tokenizer, and says how', async () => {
    const target = at('new', 'folder', 'small.safetensors')
    const result = await createJob({ source, target, recipe, methods: toyMethods }).run()
    expect((await readdir(at('new', 'folder'))).sort()).toEqual([
      'small.manifest.json',
      'small.safetensors',
      'tokenizer.json',
    ])
    const bytes = await readFile(target)
    expect(result.fileBytes).toBe(bytes.length)
    const written = await openModel(target)
    expect(JSON.parse(written.configText!).bos_token_id).toBe(1)
    expect(written.config).toEqual(source.config)
    const manifest = JSON.parse(await readFile(at('new', 'folder', 'small.manifest.json'), 'utf8'))
    expect(manifest.file.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(manifest.tensors).toEqual(result.tensors)
    expect(manifest.methods).toEqual({ half: 1, bytes: 1, towards: 1 })
    expect(result.tensors.map(({ name }) => name)).toEqual(source.names)
    for (const { name, storedName, sha256, outcome, bytes } of result.tensors) {
      const weight = await written.load(name)
      expect(storedName).toBe(source.storedName(name))
      const alone = encodeSafetensors([[storedName!, weight]])
      expect(sha256).toBe(createHash('sha256').update(alone).digest('hex'))
      expect(outcome).toBe(weight.dims.length === 2 ? 'compressed' : 'skipped')
      expect(bytes).toBeGreaterThan(0)
    }
    await loadModel(written)
    await written.close()
  })

  it('plans every tensor: exactly where all steps say so, else at most, and before it is read', async () => {
    for (const otherwise of ['float16', 'keep'] as const) {
      const target = at(`${otherwise}.safetensors`)
      const job = createJob({ source, target, recipe: { ...recipe, otherwise }, methods: toyMethods })
      const plan = await job.plan()
      const result = await job.run()
      expect(plan.tensors.map(({ name }) => name)).toEqual(source.names)
      for (const [i, planned] of plan.tensors.entries()) {
        const { bytes, name } = result.tensors[i]!
        if (planned.exact) expect(bytes, name).toBe(planned.bytes)
        else expect(bytes, name).toBeLessThanOrEqual(planned.bytes)
        expect(planned.peak).toBeGreaterThan(0)
      }
      const embedding = plan.tensors.find(({ name }) => name.includes('embed'))!
      expect(embedding).toMatchObject({ steps: ['half'], exact: true, bytes: 2 * 24 * 16 + 2 })
      const norm = plan.tensors.find(({ name }) => name === 'norm')!
      expect(norm).toMatchObject({ steps: [], exact: otherwise === 'keep', bytes: 64 })
      expect(plan.exact).toBe(false)
      expect(result.bytes).toBeLessThanOrEqual(plan.bytes)
      expect(2 * result.fileBytes).toBeLessThanOrEqual(plan.needed)
    }
    const exact = {
      name: 'all',
      rules: [{ match: '*', use: [{ method: 'half' }] }],
      otherwise: 'keep',
    } as const
    const job = createJob({ source, target: at('exact.safetensors'), recipe: exact, methods: toyMethods })
    const plan = await job.plan()
    expect(plan.exact).toBe(true)
    expect((await job.run()).bytes).toBe(plan.bytes)
  })

  it('keeps what no rule names in float16, or as it is', async () => {
    const rules = [{ match: '*embed*', use: [] }]
    for (const [otherwise, type] of [
      ['float16', 'float16'],
      ['keep', 'float32'],
    ] as const) {
      const target = at(`${otherwise}.safetensors`)
      const kept = { name: 'kept', rules, otherwise }
      const { tensors } = await createJob({ source, target, recipe: kept, methods: [] }).run()
      const file = await openModel(target)
      for (const { name, outcome, snr } of tensors) {
        expect(outcome).toBe('skipped')
        expect((await file.load(name)).type).toBe(type)
        if (otherwise === 'keep') expect(snr).toBeNull()
        else expect(snr).toBeGreaterThan(60)
      }
      await file.close()
    }
  })

  it('draws for each weight apart, from the seed and its name', async () => {
    const noisy = { name: 'noisy', rules: [{ match: '*', use: [{ method: 'bytes', noise: 1 }] }] }
    const some = {
      name: 'some',
      rules: [{ match: '*1.feedForward.up*', use: [{ method: 'bytes', noise: 1 }] }],
    }
    const name = 'layers.1.feedForward.up'
    const hashOf = async (recipe: Recipe, seed?: number) => {
      const target = at(`${recipe.name}-${seed}.safetensors`)
      const { tensors } = await createJob({ source, target, recipe, methods: toyMethods, seed }).run()
      return tensors.find(tensor => tensor.name === name)!.sha256
    }
    const drawn = await hashOf(noisy)
    expect(await hashOf(some)).toBe(drawn)
    expect(await hashOf(noisy, 0)).toBe(drawn)
    expect(await hashOf(noisy, 1)).not.toBe(drawn)
  })

  it('runs stages first, and goes on behind those that are done', async () => {
    let runs = 0
    const shorter: Stage = {
      name: 'shorter',
      version: 1,
      summary: 'Only the first blocks.',
      needs: ['windows'],
      options: { blocks: { is: 'whole', min: 1, max: 8, help: 'that stay' } },
      run(model, options, { windows }) {
        runs++
        expect(windows).toBe(toyWindows)
        const { config } = model as Decoder
        const { blocks } = options as { blocks: number }
        const [layers, mixers] = [config.layers.slice(0, blocks), config.mixers.slice(0, blocks)]
        const fewer = { ...config, layers, mixers }
        const names = weightShapes(fewer).keys()
        return new Decoder(fewer, new Map(Array.from(names, name => [name, model.weights.get(name)!])))
      },
    }
    const target = at('short.safetensors')
    const short = { ...toyRecipe, stages: [{ method: 'shorter', blocks: 1 }] }
    const settings = {
      source,
      target,
      recipe: short,
      methods: toyMethods,
      stages: [shorter],
      calibration: toyWindows,
    }
    const abort = new AbortController()
    const onProgress = (done: number) => done === 3 && abort.abort(new Error('enough'))
    await expect(
      createJob(settings).run({ signal: abort.signal, onProgress: onProgress as never }),
    ).rejects.toThrow('enough')
    const { tensors, manifest } = await createJob(settings).run()
    expect(runs).toBe(1)
    expect(manifest.methods).toMatchObject({ shorter: 1, energy: 3 })
    const file = await openModel(target)
    expect(file.config!.layers).toEqual(source.config!.layers.slice(0, 1))
    expect(tensors.map(({ name, storedName }) => storedName === source.storedName(name))).not.toContain(false)
    expect(tensors.map(({ name }) => name).sort()).toEqual([...file.shapes!.keys()].sort())
    expect(tensors.filter(({ outcome }) => outcome === 'compressed')).toHaveLength(8)
    await loadModel(file)
    await file.close()
    const withoutText = createJob({ ...settings, calibration: undefined, target: at('x.safetensors') })
    await expect(withoutText.run()).rejects.toThrow(/expected calibration text for/)
  })

  it('calibrates on statistics that were gathered before, on several machines perhaps', async () => {
    const model = await loadModel(source)
    const gathered = await collectStatistics(model, toyWindows.slice(0, 1), { statistics: ['gram'] })
    gathered.merge(await collectStatistics(model, toyWindows.slice(1), { statistics: ['gram'] }))
    const bytes = encodeSafetensors(gathered.toTensors(), { metadata: gathered.metadata })
    const job = (name: string, calibration: JobSettings['calibration']) =>
      createJob({ source, target: at(name), recipe: toyRecipe, methods: toyMethods, calibration })
    const text = await job('text.safetensors', toyWindows).run()
    const first = await job('first.safetensors', gathered).run()
    const second = await job('second.safetensors', await loadStatistics(bytes)).run()
    expect(second.tensors).toEqual(first.tensors)
    expect(first.manifest.calibration).toEqual(second.manifest.calibration)
    expect(first.manifest.calibration).not.toEqual(text.manifest.calibration)
    // The first block's inputs are the original model's either way.
    const hashes = ({ tensors }: typeof text, layer: number) =>
      tensors.filter(({ name }) => name.includes(`layers.${layer}.feedForward.`)).map(({ sha256 }) => sha256)
    expect(hashes(first, 0)).toEqual(hashes(text, 0))
    expect(hashes(first, 1)).not.toEqual(hashes(text, 1))
    const few = await collectStatistics(model, toyWindows, { statistics: ['absMax'] })
    await expect(job('third.safetensors', few).run()).rejects.toThrow(
      /expected statistics with gram .*got absMax/,
    )
  })

  it('is done when a run that was stopped at the very end is run again', async () => {
    const target = at('small.safetensors')
    const job = createJob({ source, target, recipe, methods: toyMethods })
    const first = await job.run()
    await mkdir(`${target}.job`)
    const again = await job.run()
    expect(again.manifest).toEqual(first.manifest)
    expect(again.resumed).toBe(first.tensors.length)
    expect(await readdir(folder)).not.toContain('small.safetensors.job')
    await expect(job.run()).rejects.toThrow(/pass force: true/)
  })
})
