import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  dense,
  FileError,
  FormatError,
  NumericalError,
  reference,
  sizeOf,
  Tensor,
  type TersorError,
  UnsupportedError,
  type WeightMethod,
} from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { loadModel, type ModelFile, openModel } from '@tersor/models'
import { randomModel, storedWeights } from '@tersor/models/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toyJob, toyRecipe, writeToyModel } from '../../testing/toy-job.ts'
import { halfMethod, toyMethods } from '../../testing/toy-methods.ts'
import { createJob, type JobSettings } from './create-job.ts'

let folder = ''
const opened: ModelFile[] = []
const at = (...names: string[]) => join(folder, ...names)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-refusals-'))
  await writeToyModel(at('model'))
})
afterEach(async () => {
  for (const file of opened.splice(0)) await file.close()
  await rm(folder, { recursive: true })
})

async function open(path: string): Promise<ModelFile> {
  const file = await openModel(path)
  opened.push(file)
  return file
}

/** Runs a job that must be refused, by a dry run too, before a byte is written or changed. */
async function refused(
  source: ModelFile,
  target: string,
  settings: Partial<JobSettings> = {},
): Promise<TersorError> {
  const before = await listing()
  const job = toyJob(source, target, settings)
  const error = await job.run().then(
    () => undefined,
    error => error,
  )
  expect(error, target).toBeDefined()
  expect(await listing()).toEqual(before)
  const { problems } = await job.dryRun()
  expect(problems.map(({ message }) => message)).toContain(error.message)
  expect(await listing()).toEqual(before)
  return error
}

async function listing(): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true })
  return Promise.all(
    names.map(async file => {
      const path = join(file.parentPath, file.name)
      return file.isFile() ? `${path} ${(await readFile(path)).toString('base64').slice(0, 400)}` : path
    }),
  )
}

describe('a target', () => {
  it.each([
    ['the file of the folder that was opened', 'model', 'model/model.safetensors'],
    ['the file that was opened', 'model/model.safetensors', 'model/model.safetensors'],
    ['another name of the folder', 'model', 'alias/model.safetensors'],
    ['a link to the input', 'model/model.safetensors', 'soft.safetensors'],
    ['a hard link to the input', 'model/model.safetensors', 'hard.safetensors'],
    ['a way around', 'model', 'model/../model/model.safetensors'],
  ])('that is its input is refused, even by force: %s', async (_, from, target) => {
    await symlink(at('model'), at('alias'))
    await symlink(at('model', 'model.safetensors'), at('soft.safetensors'))
    await link(at('model', 'model.safetensors'), at('hard.safetensors'))
    for (const force of [false, true]) {
      const error = await refused(await open(at(from)), at(target), { force })
      expect(error).toBeInstanceOf(FileError)
      expect(error.message).toMatch(/expected another file than the input/)
    }
  })

  it('in the folder that was opened is refused, and in the place of shards beside it', async () => {
    expect((await refused(await open(at('model')), at('model', 'small.safetensors'))).message).toMatch(
      /expected a place outside of the input/,
    )
    expect((await refused(await open(at('model')), at('model', 'new', 'x.safetensors'))).message).toMatch(
      /expected a place outside of the input/,
    )
    await rename(at('model', 'model.safetensors'), at('model', 'original.safetensors'))
    const source = await open(at('model', 'original.safetensors'))
    const error = await refused(source, at('model', 'model.safetensors'))
    expect(error.message).toMatch(/would be opened in the place of the input beside it/)
    // Another name beside a file that was named is nobody's loss.
    await toyJob(source, at('model', 'small.safetensors')).run()
    expect((await readdir(at('model'))).sort()).toContain('small.safetensors')
  })

  it('that is a folder, even one that holds the input, is refused', async () => {
    await mkdir(at('all.safetensors'))
    await rename(at('model'), at('all.safetensors', 'model'))
    const source = await open(at('all.safetensors', 'model'))
    for (const force of [false, true])
      expect((await refused(source, at('all.safetensors'), { force })).message).toMatch(/got the folder/)
  })

  it('that is there is replaced by force only', async () => {
    await writeFile(at('small.safetensors'), 'mine')
    const source = await open(at('model'))
    const error = await refused(source, at('small.safetensors'))
    expect(error).toBeInstanceOf(FileError)
    expect(error.message).toMatch(/pass force: true/)
    await toyJob(source, at('small.safetensors'), { force: true }).run()
    expect((await open(at('small.safetensors'))).names).toHaveLength(source.names.length)
  })

  it('beside which another tokenizer lies is refused; the same one is left alone', async () => {
    await mkdir(at('out'))
    await writeFile(at('out', 'tokenizer.json'), '{"other": true}')
    const source = await open(at('model'))
    const target = at('out', 'small.safetensors')
    expect((await refused(source, target)).message).toMatch(/tokenizer.json to be what belongs to the model/)
    await writeFile(at('out', 'tokenizer.json'), '{}')
    await toyJob(source, target).run()
    await writeFile(at('out', 'tokenizer.json'), '{"other": true}')
    await toyJob(source, target, { force: true }).run()
    expect(await readFile(at('out', 'tokenizer.json'), 'utf8')).toBe('{}')
    await writeFile(at('out', 'tiny.manifest.json'), '{"mine": 1}')
    expect((await refused(source, at('out', 'tiny.safetensors'))).message).toMatch(
      /expected a manifest or nothing/,
    )
  })

  it.each(['small.gguf', 'small.bin', 'small', 'small.safetensors.index.json'])(
    'of a kind that has no writer is refused by name: %s',
    async name => {
      const source = await open(at('model'))
      expect(() => toyJob(source, at(name))).toThrow(UnsupportedError)
      expect(() => toyJob(source, at(name))).toThrow(/expected a .safetensors file to write, got/)
    },
  )

  it('that cannot be written is an error before the work starts', async () => {
    const source = await open(at('model'))
    await writeFile(at('file'), '')
    const error = await refused(source, at('file', 'small.safetensors'))
    expect(error).toBeInstanceOf(FileError)
    expect(error.message).toMatch(/expected to write .+, got the file .+ where a folder has to be/)
  })

  it('for which there is no room is an error that says how much is needed and free', async () => {
    const bytes = 2 ** 60
    const huge: WeightMethod = { ...halfMethod, plan: () => ({ bytes, exact: true, peak: 1 }) }
    const source = await open(at('model'))
    const settings = {
      recipe: { name: 'huge', rules: [{ match: '*', use: [{ method: 'half' }] }] },
      methods: [huge],
    }
    const error = await refused(source, at('new', 'small.safetensors'), settings)
    expect(error).toBeInstanceOf(FileError)
    expect(error.message).toMatch(/expected \d{19,} free bytes .+, got \d+; free some/)
    const { plan } = await toyJob(source, at('x.safetensors'), settings).dryRun()
    expect(plan.needed).toBeGreaterThan(plan.free!)
  })
})

describe('a source', () => {
  const recipe = { name: 'halves', rules: [{ match: '*', use: [{ method: 'half' }] }] }

  it('that lacks weights is refused by name', async () => {
    const { weights } = randomModel()
    const name = 'layers.1.feedForward.up'
    const some = [...weights].filter(([other]) => other !== name)
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(some))
    const error = await refused(await open(at('model')), at('small.safetensors'))
    expect(error).toBeInstanceOf(FormatError)
    expect(error.message).toContain(name)
  })

  it('of an architecture that is not known is refused where the model has to run', async () => {
    await writeFile(at('model', 'config.json'), JSON.stringify({ model_type: 'whisper' }))
    const source = await open(at('model'))
    const data = await refused(source, at('small.safetensors'), {
      recipe: { name: 'calibrated', rules: [{ match: '*', use: [{ method: 'energy' }] }] },
    })
    expect(data).toBe(source.refusal)
  })

  it('that another program quantized is refused by name', async () => {
    const weights = storedWeights(randomModel())
    const scales = [...weights.keys()].map(
      name => [`${name}_scale`, new Tensor('float32', [1], [1])] as const,
    )
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors([...weights, ...scales]))
    const error = await refused(await open(at('model')), at('small.safetensors'))
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error.message).toMatch(/tensors of fp8 or compressed-tensors and no quantization_config/)
  })

  it('that is of no known family is refused where a method has to run it, and is compressed by its names where none has', async () => {
    const config = JSON.stringify({ model_type: 'unheard_of', hidden_size: 16 })
    await writeFile(at('model', 'config.json'), config)
    const source = await open(at('model'))
    const rules = [{ match: '*.up_proj.*', use: [{ method: 'energy' }] }]
    const calibrated = { name: 'calibrated', rules }
    const error = await refused(source, at('small.safetensors'), { recipe: calibrated })
    expect(error.message).toBe(source.refusal?.message)

    const { tensors } = await toyJob(source, at('small', 'model.safetensors'), { recipe }).run()
    expect(tensors.map(({ name }) => name)).toEqual(source.names)
    expect(tensors.map(({ outcome }) => outcome)).toContain('compressed')
    const written = await open(at('small', 'model.safetensors'))
    expect(written.refusal?.message).toBe(source.refusal?.message)
    expect(written.configText).toBe(config)
    expect(written.names.toSorted()).toEqual(source.names.toSorted())
    expect(written.info('model.embed_tokens.weight').compressed).toBe('dense')
    expect(await readFile(at('small', 'tokenizer.json'), 'utf8')).toBe('{}')
    await expect(loadModel(written)).rejects.toThrow(/unheard_of/)
  })

  it('that is compressed already has to be meant, and the loss is measured against it', async () => {
    const { weights } = randomModel()
    const name = 'layers.1.feedForward.up'
    const { dims } = weights.get(name)!
    const codes = Int8Array.from({ length: sizeOf(dims) }, (_, i) => ((37 * i) % 101) - 50)
    const narrow = dense(new Tensor('int8', codes, dims))
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(new Map(weights).set(name, narrow)))
    const source = await open(at('model'))
    const error = await refused(source, at('small.safetensors'), { recipe })
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error.message).toMatch(new RegExp(`'${name}' is stored as dense`))
    const { tensors } = await toyJob(source, at('small.safetensors'), { recipe, requantize: true }).run()
    for (const tensor of tensors) expect(tensor.against).toBe(tensor.name === name ? 'dense' : undefined)
    // Small integers are exact in half precision, so that nothing is lost of what is left.
    expect(tensors.find(tensor => tensor.name === name)).toMatchObject({ outcome: 'compressed', snr: null })
    const bytes = { name: 'bytes', rules: [{ match: '*', use: [{ method: 'bytes', noise: 1 }] }] }
    const noisy = await toyJob(source, at('noisy.safetensors'), { recipe: bytes, requantize: true }).run()
    expect(noisy.tensors.find(tensor => tensor.name === name)!.snr).toBeGreaterThan(10)
  })

  it.each([
    ['norm', NaN, /'norm', got NaN at \[3\]/],
    ['embedding.tokens', Infinity, /'embedding.tokens', got Infinity at \[0,3\]/],
  ])('that is not finite in %s is refused by name', async (name, value, message) => {
    const { weights } = randomModel()
    const damaged = new Float32Array((weights.get(name) as Tensor).data as Float32Array)
    damaged[3] = value
    const tensor = new Tensor('float32', damaged, weights.get(name)!.dims)
    await writeFile(at('model', 'model.safetensors'), encodeSafetensors(new Map(weights).set(name, tensor)))
    const job = toyJob(await open(at('model')), at('small.safetensors'), { recipe, strict: false })
    await expect(job.run()).rejects.toThrow(NumericalError)
    await expect(job.run()).rejects.toThrow(message)
  })
})

describe('a job', () => {
  it('that needs calibration text and has none is refused', async () => {
    const source = await open(at('model'))
    const error = await refused(source, at('small.safetensors'), { calibration: undefined })
    expect(error.message).toMatch(/expected calibration text for energy/)
    await refused(source, at('small.safetensors'), { calibration: [] })
  })

  it('that gives a calibrated method the embedding, which the head shares, is refused', async () => {
    const recipe = { name: 'all', rules: [{ match: '*', use: [{ method: 'energy' }] }] }
    const error = await refused(await open(at('model')), at('small.safetensors'), { recipe })
    expect(error.message).toMatch(/a linear layer alone reads for energy, got 'embedding.tokens'/)
  })

  it('that holds more than it may is refused', async () => {
    const source = await open(at('model'))
    expect((await refused(source, at('small.safetensors'), { maxMemory: 1000 })).message).toMatch(
      /holds at most 1000 bytes at a time, got one of \d+/,
    )
    const { peak } = await toyJob(source, at('small.safetensors')).plan()
    await toyJob(source, at('small.safetensors'), { maxMemory: peak }).run()
  })

  it('whose method refuses a tensor stops there by name, or falls back where it is told to', async () => {
    const source = await open(at('model'))
    const recipe = { name: 'sixteen', rules: [{ match: '*', use: [{ method: 'bytes', columns: 16 }] }] }
    const strict = toyJob(source, at('small.safetensors'), { recipe })
    await expect(strict.run()).rejects.toThrow(/expected 16 columns in layers.0.feedForward.down/)
    expect(await readdir(folder)).toEqual(['model', 'small.safetensors.job'])
    expect(await readFile(at('small.safetensors.job', 'journal.jsonl'), 'utf8')).toContain(
      '"failed":"layers.0.feedForward.down"',
    )
    // The same job, told otherwise, goes on.
    const { tensors, resumed } = await toyJob(source, at('small.safetensors'), {
      recipe,
      strict: false,
    }).run()
    expect(resumed).toBeGreaterThan(0)
    const fell = tensors.filter(({ outcome }) => outcome === 'fellBack')
    expect(fell.map(({ name }) => name)).toEqual(source.names.filter(name => name.includes('.down')))
    expect(fell[0]).toMatchObject({ method: 'float16', reason: expect.stringMatching('expected 16 columns') })
  })

  it('does not go on with the journal of another one, unless it starts over', async () => {
    const source = await open(at('model'))
    const target = at('small.safetensors')
    const half = new AbortController()
    const stop = {
      signal: half.signal,
      onProgress: (done: number) => done === 5 && half.abort(new Error('enough')),
    }
    await expect(toyJob(source, target).run(stop as never)).rejects.toThrow('enough')
    const others: Partial<JobSettings>[] = [
      { seed: 1 },
      { recipe: { ...toyRecipe, otherwise: 'keep' } },
      { calibration: [Int32Array.of(1, 2, 3)] },
      { device: Object.create(reference, { name: { value: 'another' } }) },
      { methods: toyMethods.map(method => ({ ...method, version: method.version + 1 })) },
    ]
    const named = ['seed', 'recipe', 'calibration', 'calibration', 'methods']
    for (const [i, settings] of others.entries()) {
      const error = await toyJob(source, target, settings)
        .run()
        .catch(error => error)
      expect(error).toBeInstanceOf(FileError)
      expect(error.message).toMatch(
        new RegExp(`the journal of this job, got one of another ${named[i]}; .+ fresh: true`),
      )
    }
    const { resumed } = await toyJob(source, target, { seed: 1 }).run({ fresh: true })
    expect(resumed).toBe(0)
    expect((await readdir(folder)).sort()).toEqual([
      'model',
      'small.manifest.json',
      'small.safetensors',
      'tokenizer.json',
    ])
  })

  it('notices that the source is another one of the same shape', async () => {
    const target = at('small.safetensors')
    const half = new AbortController()
    const stop = {
      signal: half.signal,
      onProgress: (done: number) => done === 5 && half.abort(new Error('enough')),
    }
    await expect(toyJob(await open(at('model')), target).run(stop as never)).rejects.toThrow('enough')
    const other = encodeSafetensors(randomModel(undefined, 2).weights)
    await writeFile(at('model', 'model.safetensors'), other)
    await expect(toyJob(await open(at('model')), target).run()).rejects.toThrow(/got one of another source/)
  })

  it('leaves a folder alone that is not of a job', async () => {
    const source = await open(at('model'))
    const target = at('small.safetensors')
    await mkdir(`${target}.job`)
    await writeFile(join(`${target}.job`, 'diary.txt'), 'mine')
    for (const fresh of [false, true]) {
      const run = toyJob(source, target).run({ fresh })
      await expect(run).rejects.toThrow(/to be the folder of a job, got 'diary.txt' in it/)
      expect(await readdir(`${target}.job`)).toEqual(['diary.txt'])
    }
  })

  it('has its target to itself', async () => {
    const source = await open(at('model'))
    const target = at('small.safetensors')
    const running = toyJob(source, target).run()
    const second = toyJob(source, target).run()
    const outcomes = await Promise.allSettled([running, second])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const lost = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    expect(lost.reason).toBeInstanceOf(FileError)
    expect(lost.reason.message).toMatch(
      new RegExp(`got a job that runs in process ${process.pid} on ${hostname()}`),
    )
    expect((await readdir(folder)).sort()).toEqual([
      'model',
      'small.manifest.json',
      'small.safetensors',
      'tokenizer.json',
    ])
  })

  it.each([
    ['a process that is gone', { pid: 2 ** 30, host: hostname(), began: 0 }, true],
    ['an earlier process of this number', { pid: process.pid, host: hostname(), began: 0 }, true],
    ['a torn file', undefined, true],
    ['another machine', { pid: 1, host: 'elsewhere', began: 0 }, false],
  ])('takes over the lock of %s: %o', async (_, owner, taken) => {
    const source = await open(at('model'))
    const target = at('small.safetensors')
    await mkdir(`${target}.job`)
    await writeFile(
      join(`${target}.job`, 'lock-7.json'),
      owner === undefined ? '{"pi' : JSON.stringify(owner),
    )
    const run = toyJob(source, target).run()
    if (!taken) return expect(run).rejects.toThrow(/process 1 on elsewhere/)
    await run
    expect(await readdir(folder)).not.toContain('small.safetensors.job')
  })

  it('asks for everything at once in a dry run', async () => {
    await writeFile(at('small.safetensors'), 'mine')
    const source = await open(at('model'))
    const job = createJob({
      source,
      target: at('small.safetensors'),
      recipe: toyRecipe,
      methods: toyMethods,
      maxMemory: 1,
    })
    const { problems, plan } = await job.dryRun()
    expect(problems.map(({ name }) => name)).toEqual(['UnsupportedError', 'FileError', 'UnsupportedError'])
    expect(plan.tensors.map(({ name }) => name)).toEqual(source.names)
  })
})
