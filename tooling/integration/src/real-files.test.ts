import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from '@tersor/cli'
import { decode, Rng, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors, openSafetensors } from '@tersor/formats'
import { checkModel, loadModel, openModel } from '@tersor/models'
import { rtn } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const cases = fileURLToPath(new URL('../../../../shared/data/cases-real-files/', import.meta.url))
const areThere = existsSync(cases)
if (!areThere) console.log(`skipped: files as users meet them need ${cases}`)

/** What an independent computation in float64 gives for a model. */
interface Expected {
  readonly tokens: readonly number[]
  readonly nats: number
  readonly perplexity: number
  readonly lastLogits: readonly number[]
}

/** Each file is a situation that was reported to other projects; its README says what should happen. */
describe.skipIf(!areThere)('files as users meet them (need ../shared/data)', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-real-files-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const at = (...names: string[]) => join(cases, ...names)

  /** A case that may be written to. */
  async function copyOf(name: string): Promise<string> {
    const copy = join(folder, name)
    await cp(at(name), copy, { recursive: true })
    return copy
  }

  it.each([
    ['biases-not-in-config', '.'],
    ['epsilon-default', '.'],
    ['gguf-biases', 'model.gguf'],
    ['gguf-rope-freqs', 'model.gguf'],
    ['gguf-rope-linear', 'model.gguf'],
    ['llama-3.2-rope-scaling', '.'],
    ['rope-parameters-theta', '.'],
    ['rope-scaling-default', '.'],
    ['mistral', '.'],
    ['fp8-weight-scale-inv', '.'],
  ])('%s: the perplexity and the last logits are right', async (name, file) => {
    const expected: Expected = JSON.parse(await readFile(at(name, 'expected.json'), 'utf8'))
    const model = await loadModel(at(name, file))
    const tokens = Int32Array.from(expected.tokens)
    const { logits } = await model.forward(tokens, { cache: model.createCache(), logits: 'all' })
    const rows = logits!.data as Float32Array
    const { vocabSize } = model.config
    let nats = 0
    for (let i = 1; i < tokens.length; i++)
      nats += surprise(rows.subarray((i - 1) * vocabSize, i * vocabSize), tokens[i]!)
    expect(nats / (tokens.length - 1)).toBeCloseTo(expected.nats, 4)
    const last = rows.subarray(-vocabSize)
    for (const [i, logit] of expected.lastLogits.entries()) expect(last[i]).toBeCloseTo(logit, 3)
  })

  it.each([['index-lacks-tensor', "got none called 'head'"]])(
    '%s: cannot be run, which is said, and can be looked into',
    async (name, said) => {
      const file = await openModel(at(name))
      expect(() => checkModel(file)).toThrow(said)
      for (const weight of file.names) expect(file.info(weight).byteLength).toBeGreaterThan(0)
      await file.close()
      await expect(loadModel(at(name))).rejects.toThrow(said)
      const { code, out } = await tersor('inspect', at(name))
      expect(code).toBe(0)
      expect(out).toContain('it cannot be run')
      const written = join(folder, `${name}.safetensors`)
      const compressed = await tersor('compress', at(name), '--method', 'rtn', '-o', written)
      expect(compressed.code).toBe(1)
      expect(existsSync(written)).toBe(false)
    },
  )

  it('gptq-checkpoint: is read in its own bits, evaluated, and compressed again only where that is meant', async () => {
    const file = await openModel(at('gptq-checkpoint'))
    expect(file.quantizedBy).toBe('gptq')
    const query = file.info('layers.0.attention.query')
    expect(query).toMatchObject({ compressed: 'gptq', dims: [32, 32] })
    await file.close()
    const { code, out } = await tersor('inspect', at('gptq-checkpoint'))
    expect(code).toBe(0)
    expect(out).not.toContain('it cannot be run')
    const model = await loadModel(at('gptq-checkpoint'))
    const { logits } = await model.forward(Int32Array.of(1, 5, 9), {
      cache: model.createCache(),
      logits: 'all',
    })
    expect((logits!.data as Float32Array).every(Number.isFinite)).toBe(true)
    const written = join(folder, 'gptq-again.safetensors')
    const compressed = await tersor('compress', at('gptq-checkpoint'), '--method', 'rtn', '-o', written)
    expect(compressed.code).toBe(1)
    expect(compressed.err).toContain('is stored as gptq')
    expect(existsSync(written)).toBe(false)
  })

  it('inspect-gpt2: cannot be run, and is compressed without text all the same', async () => {
    const { code, out } = await tersor('inspect', at('inspect-gpt2'))
    expect(code).toBe(0)
    expect(out).toContain('it cannot be run')
    const written = join(folder, 'gpt2.safetensors')
    expect((await tersor('compress', at('inspect-gpt2'), '--method', 'rtn', '-o', written)).code).toBe(0)
    const small = await openModel(written)
    expect(small.names.some(name => small.info(name).compressed !== undefined)).toBe(true)
    await small.close()
  })

  it('nan-in-norm: compressing names the tensor, evaluating is an error', async () => {
    const written = join(folder, 'nan.safetensors')
    const compressed = await tersor('compress', at('nan-in-norm'), '--method', 'rtn', '-o', written)
    expect(compressed.code).toBe(1)
    expect(compressed.err).toMatch(/finite numbers in '.*[nN]orm.*', got NaN/)
    expect(existsSync(written)).toBe(false)
    const text = at('nan-in-norm', 'text.txt')
    const evaluated = await tersor('eval', at('nan-in-norm'), '--text', text, '--json')
    expect(evaluated.code).toBe(1)
    expect(JSON.parse(evaluated.out).error.message).toMatch(/finite|NaN/)
  })

  it('gguf-quantize-eval: what is compressed from a GGUF takes its tokenizer along', async () => {
    const written = join(folder, 'small.safetensors')
    const source = at('gguf-quantize-eval', 'model.gguf')
    const compressed = await tersor('compress', source, '--method', 'rtn', '-o', written)
    expect(compressed.err).not.toContain('tersor:')
    expect(compressed.code).toBe(0)
    const text = at('gguf-quantize-eval', 'text.txt')
    const { code, out } = await tersor('eval', written, '--text', text, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out).perplexity).toBeGreaterThan(1)
  })

  it.each([
    ['bos-token-null', '.'],
    ['gguf-add-bos-false', 'model.gguf'],
    ['gguf-add-space-prefix-false', 'model.gguf'],
  ])('%s: the text is scored as the reference scores it', async (name, file) => {
    const { perplexity }: Expected = JSON.parse(await readFile(at(name, 'expected.json'), 'utf8'))
    const { code, out } = await tersor('eval', at(name, file), '--text', at(name, 'text.txt'), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out).perplexity).toBeCloseTo(perplexity, 2)
  })

  it('in-place: the original is not replaced', async () => {
    const path = join(await copyOf('in-place'), 'model.safetensors')
    const before = await readFile(path)
    const { code } = await tersor('compress', path, '--method', 'rtn', '--bits', '2', '-o', path)
    expect(code).not.toBe(0)
    expect(await readFile(path)).toEqual(before)
  })

  it('utf16-text: is refused, as a text has to be UTF-8', async () => {
    const { code, out } = await tersor(
      ...['eval', at('biases-not-in-config'), '--text', at('utf16-text', 'text.txt'), '--json'],
    )
    expect(code).not.toBe(0)
    expect(JSON.parse(out).error.message).toContain('UTF-8')
  })

  it('metadata-null: opens as if there were none', async () => {
    const file = await openSafetensors(at('metadata-null', 'model.safetensors'))
    expect(file.metadata.size).toBe(0)
    expect([...((await file.read('a')).data as Float32Array)]).toEqual([1])
    await file.close()
  })

  it('inspect-u64: a tensor of a type that is not read is listed', async () => {
    const { code, out } = await tersor('inspect', at('inspect-u64', 'model.safetensors'), '--json')
    expect(code).toBe(0)
    expect(out).toContain('U64')
    expect(JSON.parse(out).tensors.map(({ bytes }: { bytes: number }) => bytes)).toContain(16)
  })

  it('a file: URL is opened as a path is, and what is not there is told in a sentence', async () => {
    const url = pathToFileURL(at('inspect-u64', 'model.safetensors')).href
    const [byUrl, byPath] = [await tersor('inspect', url), await tersor('inspect', fileURLToPath(url))]
    expect(byUrl).toEqual(byPath)
    const missing = await tersor('inspect', at('nowhere'))
    expect(missing.code).toBe(1)
    expect(missing.err).toContain('expected a file or folder, got nothing at')
    expect(missing.err).not.toContain('ENOENT')
  })

  it.each([3e38, 1e9, 1e-30, 1e-40])('weights of %d are compressed with the losses of others', async size => {
    const path = join(folder, `of-${size}.safetensors`)
    const values = Float32Array.from({ length: 64 * 128 }, (_, i) => size * (((i * 37) % 101) / 101 - 0.5))
    await writeFile(path, encodeSafetensors([['w.weight', new Tensor('float32', values, [64, 128])]]))
    const written = join(folder, `of-${size}-small.safetensors`)
    const { code, err } = await tersor('compress', path, '--method', 'rtn', '-o', written)
    expect({ code, err: err.includes('tersor:') }).toEqual({ code: 0, err: false })
    const small = await openModel(written)
    const got = decode(await small.load('w.weight')).data as Float32Array
    // Beside the largest weight, whose square is no number.
    const [signal, noise] = values.reduce(
      ([s, n], x, i) => [s! + (x / size) ** 2, n! + ((x - got[i]!) / size) ** 2],
      [0, 0],
    ) as [number, number]
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(20)
    await small.close()
  })

  it.each(['.', 'pytorch_model.bin'])("pytorch-bin: %s is told as PyTorch's", async name => {
    await expect(openModel(at('pytorch-bin', name))).rejects.toThrow("PyTorch's pickled weights")
  })

  it('folder-401: the status of a server is told', async () => {
    const server = createServer((_, response) => response.writeHead(401).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(openModel(`http://127.0.0.1:${port}/gated/`)).rejects.toThrow('401')
    await new Promise(resolve => server.close(resolve))
  })

  it.each([1e-3, 1e-5, 3e-6, 1e-6, 1e-7])(
    'scale-underflow: weights of %d do not become zeros',
    async spread => {
      const rng = new Rng(3)
      const values = Float32Array.from({ length: 4096 }, () => spread * rng.normal())
      const weight = new Tensor('float32', values, [64, 64])
      for (const [bits, least] of [
        [8, 40],
        [4, 17],
      ] as const) {
        const got = decode(rtn(weight, { bits })).data as Float32Array
        const [signal, noise] = values.reduce(
          ([s, n], x, i) => [s! + x ** 2, n! + (x - got[i]!) ** 2],
          [0, 0],
        ) as [number, number]
        expect(10 * Math.log10(signal / noise)).toBeGreaterThan(least)
      }
    },
  )
})

/** −log p of a token among logits. */
function surprise(logits: Float32Array, token: number): number {
  const all = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
  return Math.log(all) - logits[token]!
}

async function tersor(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const streams = {
    out: { write: (text: string) => (out += text) },
    err: { isTTY: false, write: (text: string) => (err += text) },
  }
  const code = await run(args, streams)
  return { code, out, err }
}
