import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '@tersor/cli'
import { createJob } from '@tersor/compress'
import { Rng, sizeOf } from '@tersor/core-tensor'
import { openModel } from '@tersor/models'
import { quantizeMethods } from '@tersor/quantize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes, type TypedValue } from '../../../packages/formats/testing/gguf-bytes.ts'

const shared = (path: string) => fileURLToPath(new URL(`../../../../shared/data/${path}`, import.meta.url))
const stories = shared('lm-stories260k/stories260K.bin')
const smol = shared('lm-smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf')
for (const path of [stories, smol])
  if (!existsSync(path)) console.log(`skipped: a model is read from ${path}`)

let folder = ''
const at = (...names: string[]) => join(folder, ...names)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-travelling-'))
  await writeFile(at('text.txt'), 'Once upon a time there was a little fox. '.repeat(4))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the command line, which must succeed, and gives what it wrote. */
async function tersor(...args: string[]): Promise<string> {
  let [out, err] = ['', '']
  const streams = {
    out: { write: (text: string) => (out += text) },
    err: { write: (text: string) => (err += text) },
  }
  expect(await run(args, streams), err).toBe(0)
  return out
}

/** A GGUF of the llama architecture with random weights and a vocabulary of single bytes and some words. */
function smallGguf(): Uint8Array {
  const pieces = [
    '<unk>',
    '<s>',
    '</s>',
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  ]
  pieces.push('▁', '▁a', '▁little', ...'littlefox')
  const scores = pieces.map((_, id) => -id)
  const numbers = {
    block_count: 1,
    embedding_length: 32,
    feed_forward_length: 64,
    context_length: 64,
    'attention.head_count': 2,
  }
  const metadata: [string, TypedValue][] = [
    ['general.architecture', [8, 'llama']],
    ...Object.entries(numbers).map(([key, value]): [string, TypedValue] => [`llama.${key}`, [4, value]]),
    ['tokenizer.ggml.model', [8, 'llama']],
    ['tokenizer.ggml.tokens', [9, 8, pieces]],
    ['tokenizer.ggml.scores', [9, 6, scores]],
    ['tokenizer.chat_template', [8, '{{ messages }}']],
  ]
  const rng = new Rng(1)
  const tensor = (name: string, ...ne: number[]) => ({
    ...{ name: `${name}.weight`, ne, type: 0 },
    data: new Uint8Array(Float32Array.from({ length: sizeOf(ne) }, () => 0.2 * rng.normal()).buffer),
  })
  const square = ['attn_q', 'attn_k', 'attn_v', 'attn_output'].map(name => tensor(`blk.0.${name}`, 32, 32))
  const norms = ['blk.0.attn_norm', 'blk.0.ffn_norm', 'output_norm'].map(name => tensor(name, 32))
  const feed = [
    tensor('blk.0.ffn_gate', 32, 64),
    tensor('blk.0.ffn_up', 32, 64),
    tensor('blk.0.ffn_down', 64, 32),
  ]
  const tensors = [tensor('token_embd', 32, pieces.length), ...square, ...norms, ...feed]
  return ggufBytes({ metadata, tensors })
}

describe('what a model needs', () => {
  it('travels out of a GGUF: compressed, evaluated, compressed again', async () => {
    await mkdir(at('gguf'))
    await writeFile(at('gguf', 'model.gguf'), smallGguf())
    const source = await openModel(at('gguf', 'model.gguf'))
    const original = (await source.openTokenizer())!
    await source.close()
    await rm(at('small'), { recursive: true, force: true })
    await tersor('compress', at('gguf', 'model.gguf'), '--method', 'rtn', '-o', at('small', 'a.safetensors'))
    expect((await readdir(at('small'))).sort()).toEqual([
      'a.manifest.json',
      'a.safetensors',
      'tokenizer.gguf',
    ])
    const small = await openModel(at('small', 'a.safetensors'))
    const tokenizer = (await small.openTokenizer())!
    await small.close()
    const text = 'a little fox, and a wörld of bytes'
    expect(tokenizer.encode(text)).toEqual(original.encode(text))
    expect([tokenizer.vocabSize, tokenizer.bos, tokenizer.eos]).toEqual([
      original.vocabSize,
      original.bos,
      original.eos,
    ])
    await tersor('eval', at('small', 'a.safetensors'), '--text', at('text.txt'))
    await tersor('compress', at('gguf', 'model.gguf'), '--method', 'nf4', '-o', at('small', 'b.safetensors'))
    await tersor('verify', at('small', 'b.safetensors'))
  })

  it.skipIf(!existsSync(stories))(
    'travels with stories260K: compressed, evaluated, compressed again',
    async () => {
      const before = JSON.parse(await tersor('eval', stories, '--text', at('text.txt'), '--json'))
      await tersor(
        'compress',
        stories,
        '--method',
        'rtn',
        '--bits',
        '8',
        '-o',
        at('stories', 'a.safetensors'),
      )
      expect(await readdir(at('stories'))).toContain('tok512.bin')
      const after = JSON.parse(
        await tersor('eval', at('stories', 'a.safetensors'), '--text', at('text.txt'), '--json'),
      )
      expect(after.tokens).toBe(before.tokens)
      expect(after.perplexity / before.perplexity).toBeCloseTo(1, 2)
      await tersor('compress', stories, '--method', 'nf4', '-o', at('stories', 'b.safetensors'))
      await tersor('verify', at('stories', 'b.safetensors'))
    },
  )

  it.skipIf(!existsSync(smol))('would travel with SmolLM2, which is compressed already', async () => {
    const source = await openModel(smol)
    expect([...(await source.companions()).keys()]).toEqual(['tokenizer.gguf'])
    const recipe = { name: 'rtn', rules: [{ match: '*', use: [{ method: 'rtn' }] }] }
    const settings = { source, target: at('smol', 'small.safetensors'), recipe, methods: quantizeMethods }
    const { problems } = await createJob(settings).dryRun()
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /embedding.tokens' is stored as q8_0 and .+ is stored as q4_1.*; start from the original, or pass requantize/,
      ),
    ])
    const { plan, problems: none } = await createJob({ ...settings, requantize: true }).dryRun()
    expect(none).toEqual([])
    // At most float32 scales and offsets for 32 codes of 4 bits each.
    expect(plan.bytes).toBeLessThan((134_515_008 * 6.02) / 8)
    await source.close()
  })
})
