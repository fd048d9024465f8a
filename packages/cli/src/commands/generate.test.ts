import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { generate, streamText } from '@tersor/decode'
import { loadModel, openTokenizer } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../run.ts'
import { workplace } from '../testing/small-model.ts'
import { failure, json, tersor, tersorWith } from '../testing/tersor.ts'

const TEMPLATE =
  '{% for m in messages %}<|turn|>{{ m.role }}: {{ m.content | trim }}<|end|>{% endfor %}{% if add_generation_prompt %}<|turn|>{% endif %}'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
  await conversing(join(folder, 'chat'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

/** The same model with a tokenizer of letters, two special tokens and a template. */
async function conversing(path: string): Promise<void> {
  await mkdir(path)
  for (const name of ['model.safetensors', 'config.json']) await copyFile(at('model', name), join(path, name))
  const letters = [...'abcdefghijklmnopqrstuvwxyz<|>:.ĠĊ']
  const tokenizer = {
    added_tokens: [
      { id: 200, content: '<|turn|>', special: true },
      { id: 201, content: '<|end|>', special: true },
    ],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])), merges: [] },
  }
  await writeFile(join(path, 'tokenizer.json'), JSON.stringify(tokenizer))
  const settings = { chat_template: TEMPLATE, eos_token: '<|end|>' }
  await writeFile(join(path, 'tokenizer_config.json'), JSON.stringify(settings))
}

const encoded = (text: string) => [...new TextEncoder().encode(` ${text}`)].map(byte => byte + 3)

describe('tersor generate', () => {
  it('continues a text as decode does, after the beginning token', async () => {
    const answer = await json('generate', at('model'), '--prompt', 'The quick', '--max-tokens', '12')
    const model = await loadModel(at('model'))
    const tokenizer = await openTokenizer(at('model', 'tokenizer.bin'))
    const prompt = Int32Array.from([1, ...encoded('The quick')])
    const tokens = generate(model, prompt, { maxTokens: 12, stop: 2 })
    let text = ''
    for await (const piece of streamText(tokens, tokenizer, { after: prompt })) text += piece
    expect(answer).toMatchObject({ text, tokens: 12, promptTokens: prompt.length, stopped: 'length' })
    expect(answer.tokensPerSecond).toBeGreaterThan(0)
  })

  it('writes the text alone on the output, and its speed beside', async () => {
    const { code, out, err } = await tersor('generate', at('model'), '--prompt', 'a', '--max-tokens', '5')
    const { text } = await json('generate', at('model'), '--prompt', 'a', '--max-tokens', '5')
    expect([code, out]).toEqual([0, text.endsWith('\n') ? text : `${text}\n`])
    expect(err).toMatch(
      /^5 tokens, .+ tokens\/s; first after .+ s \(3 read\), loaded in .+: see --max-tokens\n$/,
    )
  })

  it('draws by its seed', async () => {
    const draw = (seed: string) =>
      json('generate', at('model'), '-p', 'a', '--temperature', '1.5', '--seed', seed, '--max-tokens', '20')
    const { text } = await draw('1')
    expect((await draw('1')).text).toBe(text)
    expect((await draw('2')).text).not.toBe(text)
  })

  it('reads the standard input where no prompt is given', async () => {
    const piped = async (input: Uint8Array | string) => {
      let out = ''
      const stream = { write: (text: string) => (out += text) }
      const streams = { in: Readable.from([input]), out: stream, err: stream }
      await run(['generate', at('model'), '--max-tokens', '8', '--json'], streams)
      return JSON.parse(out)
    }
    const given = await json('generate', at('model'), '--prompt', 'The quick', '--max-tokens', '8')
    expect((await piped('The quick\n')).text).toBe(given.text)
    expect((await piped(Uint8Array.of(0x61, 0xff))).error.message).toMatch(/UTF-8 text in the standard input/)
    expect(await failure('generate', at('model'))).toMatchObject({ code: 'USAGE', exitCode: 2 })
  })

  it('writes a conversation with the template, in which a user cannot write special tokens', async () => {
    const ask = (...args: string[]) => json('generate', at('chat'), '--max-tokens', '3', ...args)
    // <|turn|>, "user: hi", <|end|>, <|turn|>
    expect((await ask('--prompt', 'hi')).promptTokens).toBe(11)
    expect((await ask('--prompt', '<|end|>')).promptTokens).toBe(16)
    // <|turn|>, "system: be", <|end|> before it
    expect((await ask('--prompt', 'hi', '--system', 'be')).promptTokens).toBe(23)
    expect((await ask('--prompt', 'hi', '--no-chat')).promptTokens).toBe(2)
    expect((await ask('--prompt', '<|end|>', '--no-chat')).promptTokens).toBe(7)
  })

  it.each([
    [['model', '--chat'], 'UNSUPPORTED', /expected a tokenizer with a chat template/],
    [['model', '--system', 'x'], 'USAGE', /a model that has a chat template/],
    [['chat', '--system', 'x', '--no-chat'], 'USAGE', /expected --system with a conversation/],
    [['model', '--temperature', 'warm'], 'USAGE', /expected --temperature to be a number from 0 to 100/],
    [['model', '--max-tokens', '0'], 'USAGE', /expected --max-tokens/],
  ])('refuses %j', async ([model, ...args], code, sentence) => {
    const result = await failure('generate', at(model!), '--prompt', 'a', ...args)
    expect(result).toMatchObject({ code, message: expect.stringMatching(sentence) })
  })

  it('says that a prompt is longer than the context', async () => {
    const { code, message } = await failure('generate', at('model'), '--prompt', 'a'.repeat(80))
    expect([code, message]).toEqual(['SHAPE', expect.stringContaining('a prompt of 1 to 64 tokens')])
  })

  it('ends in the middle of its text where it is stopped', async () => {
    const stop = new AbortController()
    let out = ''
    const streams = {
      out: {
        write(text: string) {
          out += text
          stop.abort(new Error('enough'))
        },
      },
      err: { write: () => undefined },
    }
    const args = ['generate', at('model'), '--prompt', 'a', '--max-tokens', '50']
    expect(await run(args, streams, { signal: stop.signal })).toBe(1)
    expect(out.endsWith('\n')).toBe(true)
    const whole = await tersorWith({}, ...args)
    expect(out.length).toBeLessThan(whole.out.length)
  })
})
