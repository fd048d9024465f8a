import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Rng, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors, weightNames } from '@tersor/formats'
import { configToHuggingFace, loadModel, weightShapes } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './run.ts'

const config = {
  layers: 1,
  heads: 2,
  kvHeads: 2,
  headDim: 16,
  vocabSize: 259,
  contextLength: 64,
  ropeBase: 10000,
  hiddenSize: 32,
  intermediateSize: 48,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
} as const

let folder = ''
const at = (...names: string[]) => join(folder, ...names)

/** A llama2.c tokenizer of single bytes. */
function byteTokenizer(): Uint8Array {
  const pieces = [
    '<unk>',
    '<s>',
    '</s>',
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).padStart(2, '0')}>`),
  ]
  const chunks = pieces.flatMap(piece => [
    new Uint8Array(4),
    new Uint8Array(Int32Array.of(piece.length).buffer),
    new TextEncoder().encode(piece),
  ])
  return Uint8Array.from([6, 0, 0, 0, ...chunks.flatMap(chunk => [...chunk])])
}

function randomWeights(): [string, Tensor][] {
  const rng = new Rng(3)
  return Array.from(weightShapes(config), ([name, dims]) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.3 * rng.normal()))
    return [name, new Tensor('float32', values, dims)]
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'))
  await mkdir(at('model'))
  await writeFile(at('model', 'model.safetensors'), encodeSafetensors(randomWeights()))
  await writeFile(at('model', 'config.json'), JSON.stringify(configToHuggingFace(config)))
  await writeFile(at('model', 'tokenizer.bin'), byteTokenizer())
  await writeFile(at('text.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(8))
  await writeFile(at('short.txt'), 'A short text.')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the command and gives its exit code and what it wrote. */
async function tersor(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(args, {
    out: { write: text => (out += text) },
    err: { write: text => (err += text) },
  })
  return { code, out, err }
}

async function json(...args: string[]) {
  const { code, out, err } = await tersor(...args, '--json')
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(1)
  return JSON.parse(out)
}

const evaluate = (model: string, ...rest: string[]) =>
  json('eval', model, '--tokenizer', at('model', 'tokenizer.bin'), '--text', at('text.txt'), ...rest)

describe('tersor', () => {
  it('explains itself, and says what it does not know in one line', async () => {
    for (const args of [
      [],
      ['help'],
      ['--help'],
      ['inspect', '--help'],
      ['quantize', '-h'],
      ['eval', '-h'],
      ['demo', '-h'],
    ]) {
      const { code, out } = await tersor(...args)
      expect(code).toBe(0)
      expect(out).toContain('tersor')
    }
    for (const args of [
      ['prune'],
      ['inspect'],
      ['eval', at('model')],
      ['quantize', at('model'), '--method', 'rtn'],
      ['eval', 'tiny-lm', '--tasks', 'juggling'],
      ['demo', 'a', 'b'],
      ['inspect', 'a', 'b'],
      ['inspect', '--colour', 'x'],
    ]) {
      const { code, err } = await tersor(...args)
      expect(code, args.join(' ')).toBe(2)
      expect(err.trim().split('\n')).toHaveLength(1)
      expect(err).toMatch(/^tersor: .+; see 'tersor help'\n$/)
      expect(err).not.toContain('    at ')
    }
  })

  it('ends with 1 and one line after an error, with the stack only for --debug', async () => {
    const { code, err } = await tersor('inspect', at('nothing.safetensors'))
    expect(code).toBe(1)
    expect(err.trim().split('\n')).toHaveLength(1)
    const debugged = await tersor('inspect', at('nothing.safetensors'), '--debug')
    expect(debugged.err).toMatch(/\n\s+at /)
  })
})

describe('tersor inspect', () => {
  it('lists weights with exact bytes', async () => {
    const { elements, bytes, bitsPerWeight, tensors } = await json('inspect', at('model'))
    expect(bytes).toBe(4 * elements)
    expect(bitsPerWeight).toBe(32)
    expect(tensors).toHaveLength(weightShapes(config).size)
    expect((await tersor('inspect', at('model'))).out).toContain('model.layers.0.mlp.down_proj.weight')
  })
})

describe('tersor quantize', () => {
  it.each([
    ['rtn', ['--bits', '3', '--group', '16'], 3],
    ['gptq', ['--bits', '4', '--sweeps', '2'], 4],
    ['nf4', [], 4],
    ['float8', [], 8],
  ] as const)('writes a %s model that loads and evaluates from its one file', async (method, flags, bits) => {
    const out = at(`${method}.safetensors`)
    const more = method === 'gptq' ? ['--calibration', at('text.txt')] : []
    const result = await json('quantize', at('model'), '--method', method, ...flags, ...more, '-o', out)
    expect(result.fileBytes).toBe((await readFile(out)).length)
    expect(result.tensors.map((tensor: { name: string }) => tensor.name).sort()).toEqual(
      [...weightShapes(config).keys()].sort(),
    )
    for (const tensor of result.tensors) {
      if (tensor.dims.length === 1)
        expect(tensor).toMatchObject({
          outcome: 'skipped',
          reason: expect.stringContaining('kept in float16'),
        })
      else if (tensor.name.includes('embed') && bits < 8)
        expect(tensor).toMatchObject({ outcome: 'quantised', method: 'rtn 8 bits, group 32' })
      else expect(tensor).toMatchObject({ outcome: 'quantised', method: expect.stringContaining(method) })
      if (tensor.dims.length === 2) expect(tensor.bitsPerWeight).toBeGreaterThan(bits)
    }
    const measured = await evaluate(out, '--against', at('model'))
    expect(measured.modelBytes).toBe(result.bytes)
    expect(measured.kl).toBeGreaterThan(1e-7)
    expect(measured.kl).toBeLessThan(1)
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('partial'))
  })

  it('gives the same bytes for the same recipe', async () => {
    const files = await Promise.all(
      ['a', 'b'].map(async name => {
        await json('quantize', at('model'), '--method', 'rtn', '-o', at(`${name}.safetensors`))
        return readFile(at(`${name}.safetensors`))
      }),
    )
    expect(files[0]!.equals(files[1]!)).toBe(true)
  })

  it('draws its own calibration text where none is given', async () => {
    const { code, err } = await tersor(
      'quantize',
      at('model'),
      '--method',
      'gptq',
      '-o',
      at('own.safetensors'),
    )
    expect(code).toBe(0)
    expect(err).toContain('tokens of its own')
  })

  it('leaves no partial file, and what was there before, when a tensor is not finite', async () => {
    const weights = randomWeights()
    ;(weights.at(-2)![1].data as Float32Array)[7] = Number.NaN
    const broken = at('broken.safetensors')
    await writeFile(
      broken,
      encodeSafetensors(weights, { metadata: { config: JSON.stringify(configToHuggingFace(config)) } }),
    )
    await writeFile(at('kept.safetensors'), 'what was there before')
    const { code, err } = await tersor('quantize', broken, '--method', 'rtn', '-o', at('kept.safetensors'))
    expect([code, err.trim().split('\n').length]).toEqual([1, 1])
    expect(err).toMatch(/expected finite weights, got NaN/)
    expect(await readFile(at('kept.safetensors'), 'utf8')).toBe('what was there before')
    expect((await readdir(folder)).filter(name => name.includes('partial'))).toEqual([])

    const { tensors } = await json(
      'quantize',
      broken,
      '--method',
      'rtn',
      '--lenient',
      '-o',
      at('lenient.safetensors'),
    )
    const fallen = tensors.filter((tensor: { outcome: string }) => tensor.outcome === 'fellBack')
    expect(fallen).toMatchObject([{ method: 'float16', reason: expect.stringContaining('NaN') }])
  })

  it('takes weights without a configuration, tensor by tensor', async () => {
    const bare = at('bare.safetensors')
    const ids = new Tensor('int32', [1, 2, 3, 4], [2, 2])
    await writeFile(
      bare,
      encodeSafetensors([
        ['a', randomWeights()[0]![1]],
        ['ids', ids],
      ]),
    )
    const { tensors } = await json('quantize', bare, '--method', 'rtn', '-o', at('bare-small.safetensors'))
    expect(tensors.find((tensor: { name: string }) => tensor.name === 'ids')).toMatchObject({
      outcome: 'skipped',
      reason: 'int32 numbers are kept as they are',
    })
    const written = await openSafetensors(at('bare-small.safetensors'))
    expect(weightNames(written).sort()).toEqual(['a', 'ids'])
    await written.close()
    const { code, err } = await tersor('quantize', bare, '--method', 'gptq', '-o', at('x.safetensors'))
    expect(code).toBe(1)
    expect(err).toMatch(/expected a config.json beside the weights/)
  })

  it('refuses a model that is compressed already, and flags that do not go together', async () => {
    await json('quantize', at('model'), '--method', 'rtn', '-o', at('once.safetensors'))
    const twice = await tersor(
      'quantize',
      at('once.safetensors'),
      '--method',
      'rtn',
      '-o',
      at('twice.safetensors'),
    )
    expect([twice.code, existsSync(at('twice.safetensors'))]).toEqual([1, false])
    expect(twice.err).toContain('start from the original')
    for (const flags of [
      ['--method', 'zip'],
      ['--method', 'rtn', '--bits', '9'],
      ['--method', 'float8', '--group', '8'],
      ['--method', 'nf4', '--zero', 'middle'],
      ['--method', 'rtn', '--zero', 'left'],
      ['--method', 'rtn', '--order', 'act'],
    ]) {
      expect((await tersor('quantize', at('model'), ...flags, '-o', at('x.safetensors'))).code).toBe(2)
    }
  })
})

describe('tersor eval', () => {
  it('measures in one object', async () => {
    const result = await evaluate(at('model'))
    expect(result.tokens).toBe(361)
    expect(result.bytes).toBe(360)
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nats), 9)
    expect(result.bitsPerByte).toBeCloseTo((result.nats * result.tokens) / Math.LN2 / result.bytes, 9)
    expect((await tersor('eval', at('model'), '--text', at('text.txt'))).out).toContain('perplexity')
  })

  it('scores a short text in one window after the beginning token', async () => {
    const result = await json('eval', at('model'), '--text', at('short.txt'))
    const model = await loadModel(at('model'))
    const tokens = Int32Array.from(
      [1, ...new TextEncoder().encode(' A short text.')].map((byte, i) => (i === 0 ? 1 : byte + 3)),
    )
    const { logits } = await model.forward(tokens, { cache: model.createCache(), logits: 'all' })
    const rows = logits!.data as Float32Array
    let nats = 0
    for (let i = 1; i < tokens.length; i++) {
      const row = rows.subarray((i - 1) * 259, i * 259)
      nats += Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[tokens[i]!]!
    }
    expect(result.nats).toBeCloseTo(nats / (tokens.length - 1), 6)
  })

  it('says which device or tokenizer it lacks', async () => {
    expect((await tersor('eval', at('model'), '--text', at('text.txt'), '--device', 'abacus')).err).toMatch(
      /expected --device to be one of native, wasm, webgpu, reference, got 'abacus'/,
    )
    await mkdir(at('lonely'))
    await writeFile(at('lonely', 'model.safetensors'), await readFile(at('model', 'model.safetensors')))
    await writeFile(at('lonely', 'config.json'), await readFile(at('model', 'config.json')))
    expect((await tersor('eval', at('lonely'), '--text', at('text.txt'))).err).toMatch(
      /pass --tokenizer FILE/,
    )
  })
})

describe('tersor verify-devices', () => {
  it('compares every device with the reference, on sample weights and on a model', async () => {
    const { devices } = await json('verify-devices')
    expect(devices.map(({ device }: { device: string }) => device)).toContain('wasm')
    for (const { layers, firstDivergence } of devices) {
      expect(firstDivergence).toBeNull()
      expect(layers.map(({ layer }: { layer: string }) => layer)).toContain('nf4')
    }
    const result = await tersor('verify-devices', at('model'))
    expect(result.out).toMatch(/^block 0 /m)
    expect(result.out).toMatch(/wasm agrees with the reference/)
  })
})

describe('the bundled model', () => {
  it('is scored on tasks, and on stories where no text is given', async () => {
    const result = await json('eval', 'tiny-lm', '--tasks', 'addition-2,copy', '--n', '5')
    expect(Object.keys(result.tasks)).toEqual(['addition-2', 'copy'])
    expect(result.tasks.copy.n).toBe(5)
    expect(result.tasks.copy.low).toBeLessThanOrEqual(result.tasks.copy.accuracy)
    for (const figure of ['answerNats', 'bitsPerByte', 'perplexity'])
      expect(result[figure]).toBeGreaterThan(0)
    const { out } = await tersor('eval', 'tiny-lm', '--tasks', 'addition-2', '--n', '5')
    expect(out).toMatch(/addition-2 .+ to .+ 5 /)
    const other = await json('eval', 'tiny-lm', '--tasks', 'addition-2', '--n', '5', '--seed', '7')
    expect(other.perplexity).not.toBe(result.perplexity)
  })

  it('is compressed and scored by demo on text and tasks of its own', async () => {
    const args = ['--report', at('tiny-report'), '--tokens', '300', '--tasks', 'addition-2', '--n', '3']
    const { model, text, tasks, rows } = await json('demo', 'tiny-lm-mini', ...args)
    expect(model).toBe('tiny-lm-mini')
    expect(text).toContain('stories')
    expect(tasks.tasks['addition-2'].n).toBe(3)
    expect(rows[0].tasks.answerNats).toBeGreaterThan(0)
    const page = await readFile(at('tiny-report', 'index.html'), 'utf8')
    expect(page).toContain('addition-2 (n 3)')
    expect((await tersor('demo', '--help')).out).toContain('Without MODEL, the bundled tiny-lm.')
  }, 300_000)
})

describe('tersor demo', () => {
  it('compresses with every recipe, evaluates the files and writes a report', async () => {
    const result = await json('demo', at('model'), '--report', at('report'), '--tokens', '120')
    expect(result.rows.length).toBeGreaterThanOrEqual(8)
    const files = await readdir(at('report', 'models'))
    expect(files).toHaveLength(result.rows.length)
    const page = await readFile(at('report', 'index.html'), 'utf8')
    for (const row of result.rows) expect(page).toContain(row.recipe)
    expect(page).toContain('<svg')
    expect(page).not.toMatch(/https?:\/\//)
    const bits = result.rows.map((row: { bitsPerWeight: number }) => row.bitsPerWeight)
    expect(bits[0]).toBeGreaterThan(8)
    expect(bits.at(-1)).toBeLessThan(bits[0]! - 2)
    const { out } = await tersor('demo', at('model'), '--report', at('report'), '--tokens', '120')
    expect(out).toContain('report:')
  })
})
