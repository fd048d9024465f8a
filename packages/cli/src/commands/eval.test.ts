import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadModel } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byteTokenizer, fileOf, randomWeights, workplace } from '../testing/small-model.ts'
import { failure, json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

describe('tersor eval', () => {
  it('measures in one object', async () => {
    const result = await json('eval', at('model'), '--text', at('text.txt'))
    expect(result.tokens).toBe(361)
    expect(result.bytes).toBe(360)
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nats), 9)
    expect(result.bitsPerByte).toBeCloseTo((result.nats * result.tokens) / Math.LN2 / result.bytes, 9)
    expect((await tersor('eval', at('model'), '--text', at('text.txt'))).out).toContain('perplexity')
  })

  it('sets the window, in which a beginning token goes before each text', async () => {
    const scored = async (...args: string[]) => json('eval', at('model'), '--text', at('text.txt'), ...args)
    const [short, whole] = [await scored('--context', '16'), await scored('--context', '64')]
    expect([short.tokens, whole.tokens]).toEqual([361, 361])
    expect(whole.nats).toBe((await scored()).nats)
    expect(short.nats).not.toBe(whole.nats)
    const refused = await failure('eval', at('model'), '--text', at('text.txt'), '--context', '65')
    expect(refused.message).toContain("at most the model's 64 tokens, got 65")
  })

  it.each(['reference', 'wasm'])('runs on %s', async device => {
    const result = await json('eval', at('model'), '--text', at('text.txt'), '--device', device)
    expect(result.device).toBe(device)
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

  it('says which tokenizer it lacks, and takes that of the model it compares with', async () => {
    await mkdir(at('lonely'))
    for (const name of ['model.safetensors', 'config.json'])
      await writeFile(at('lonely', name), await readFile(at('model', name)))
    const lonely = ['eval', at('lonely'), '--text', at('text.txt')]
    expect((await failure(...lonely)).message).toMatch(/pass --tokenizer FILE/)
    const compared = await json(...lonely, '--against', at('model'))
    expect(compared).toMatchObject({ kl: 0, tokens: 361 })
    const given = await json(...lonely, '--tokenizer', at('model', 'tokenizer.bin'))
    expect(given.nats).toBe(compared.nats)
  })

  it('ends with an error that names the weight, where the numbers are none', async () => {
    const weights = randomWeights()
    const [, norm] = weights.find(([, { dims }]) => dims.length === 1)!
    ;(norm.data as Float32Array)[3] = Number.NaN
    await mkdir(at('broken'))
    await writeFile(at('broken', 'model.safetensors'), fileOf(weights))
    await writeFile(at('broken', 'tokenizer.bin'), byteTokenizer())
    const { code, message, exitCode } = await failure('eval', at('broken'), '--text', at('short.txt'))
    expect([code, exitCode]).toEqual(['NUMERICAL', 1])
    expect(message).toMatch(/expected finite losses, got NaN from the model at token 1 of window 0/)
    expect(message).toContain(`the weight 'layers.0.attention.before' holds NaN at 3`)
    const against = await failure('eval', at('model'), '--text', at('short.txt'), '--against', at('broken'))
    expect(against.message).toMatch(/from the model that it is compared with .+ holds NaN at 3/)
  })

  it('refuses text that is not UTF-8', async () => {
    await writeFile(at('wide.txt'), Buffer.from('\ufeffabc', 'utf16le'))
    expect(await failure('eval', at('model'), '--text', at('wide.txt'))).toMatchObject({
      code: 'FORMAT',
      exitCode: 1,
      message: expect.stringMatching(
        /expected UTF-8 text in .+, got a byte that is none at 0; it looks like UTF-16/,
      ),
    })
  })
})
