import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  coreKinds,
  decode,
  dense,
  type Encoded,
  type Encoding,
  encoded,
  FormatError,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { encodeSafetensors } from '@tersor/formats'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { configFromHuggingFace, configText } from '../architectures/read-config.ts'
import type { Decoder } from '../decoder/decoder.ts'
import { randomModel, smallJson, storedWeights } from '../testing/random-model.ts'
import { checkModel } from './check-model.ts'
import { loadModel } from './load-model.ts'
import { openModel } from './open-model.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-models-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tokens = Int32Array.of(3, 1, 4, 1, 5)

async function logits(model: Decoder): Promise<Float32Array> {
  return (await model.forward(tokens, { cache: model.createCache(), logits: 'all' })).logits!
    .data as Float32Array
}

/** A kind that core-tensor does not know: the base is stored, and decodes to, itself. */
const wrappedEncoding: Encoding = {
  kind: 'wrapped',
  check: () => {},
  decode: ({ parts }, options) => decode(parts.base!, options),
}

const entries = (model: Decoder) => [...storedWeights(model)]

const untiedJson = { ...smallJson, tie_word_embeddings: false }
const untiedModel = () => randomModel(configFromHuggingFace(untiedJson))

describe('openModel', () => {
  it('opens a folder of safetensors with its config.json', async () => {
    const model = untiedModel()
    await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(entries(model)))
    await writeFile(join(folder, 'config.json'), configText(model.config))
    const file = await openModel(folder)
    expect(file.config).toEqual(model.config)
    expect([...file.names].sort()).toEqual([...model.weights.keys()].sort())
    expect(await logits(await loadModel(folder))).toEqual(await logits(model))
    expect(await file.openTokenizer()).toBeUndefined()
    await file.close()
  })

  it('opens a folder on a server, and reads of its weights only what is loaded', async () => {
    const model = randomModel()
    const weights = encodeSafetensors(entries(model))
    const files = new Map<string, Uint8Array>([
      ['/tiny/model.safetensors', weights],
      ['/tiny/config.json', new TextEncoder().encode(configText(model.config))],
    ])
    let sent = 0
    const server = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const bytes = files.get(new URL(String(input)).pathname)
      if (bytes === undefined) return new Response(null, { status: 404 })
      if (init?.method === 'HEAD') return new Response(null)
      const range = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '')
      if (range === null) return new Response(bytes as Uint8Array<ArrayBuffer>)
      const [start, end] = [Number(range[1]), Number(range[2])]
      sent += end + 1 - start
      const headers = { 'content-range': `bytes ${start}-${end}/${bytes.length}` }
      return new Response(bytes.slice(start, end + 1), { status: 206, headers })
    })
    const file = await openModel('https://models.example/tiny/')
    expect(file.config).toEqual(model.config)
    expect(file.fileBytes).toBe(weights.length)
    expect(await file.openTokenizer()).toBeUndefined()
    const before = sent
    await file.load('norm')
    expect(sent - before).toBe(4 * model.config.hiddenSize)
    expect(await logits(await loadModel(new URL('https://models.example/tiny/')))).toEqual(
      await logits(model),
    )
    server.mockRestore()
  })

  it('opens shards through their index', async () => {
    const model = randomModel()
    const inShards = join(folder, 'shards')
    await mkdir(inShards)
    const all = entries(model)
    const shards = { 'a.safetensors': all.slice(0, 7), 'b.safetensors': all.slice(7) }
    for (const [name, some] of Object.entries(shards))
      await writeFile(join(inShards, name), encodeSafetensors(some))
    const map = Object.entries(shards).flatMap(([shard, some]) => some.map(([name]) => [name, shard]))
    await writeFile(
      join(inShards, 'model.safetensors.index.json'),
      JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }),
    )
    await writeFile(join(inShards, 'config.json'), configText(model.config))
    expect(await logits(await loadModel(inShards))).toEqual(await logits(model))
  })

  it('keeps 16-bit weights 16-bit and computes with them', async () => {
    const model = randomModel()
    const narrow = entries(model).map(
      ([name, weight]) => [name, cast(weight as Tensor, 'bfloat16')] as [string, Tensor],
    )
    const path = join(folder, 'narrow.safetensors')
    await writeFile(path, encodeSafetensors(narrow, { metadata: { config: configText(model.config) } }))
    const loaded = await loadModel(path)
    const rounded = model.with(
      new Map(
        Array.from(model.weights, ([role, weight]) => [
          role,
          cast(cast(weight as Tensor, 'bfloat16'), 'float32'),
        ]),
      ),
    )
    expect(await logits(loaded)).toEqual(await logits(rounded))
    expect(await logits(loaded)).not.toEqual(await logits(model))
  })

  it('loads weights of a kind that is passed in, and refuses them without', async () => {
    const model = randomModel()
    const wrapped = entries(model).map(([name, weight]) => {
      const whole = encoded(wrappedEncoding, 'float32', weight.dims, { base: weight }, {})
      return [name, name.includes('mlp') ? whole : weight] as [string, Tensor | Encoded]
    })
    const path = join(folder, 'wrapped.safetensors')
    const metadata = { config: configText(model.config) }
    await writeFile(path, encodeSafetensors(wrapped, { metadata }))
    const name = 'layers.0.feedForward.gate'

    const without = await openModel(path)
    await expect(without.load(name)).rejects.toThrow(UnsupportedError)
    await without.close()
    await expect(loadModel(path)).rejects.toThrow(
      'got "wrapped"; it is not among them: pass its encoding in `kinds`',
    )

    const kinds = [...coreKinds, wrappedEncoding]
    const file = await openModel(path, { kinds })
    expect(await file.load(name)).toMatchObject({ encoding: wrappedEncoding })
    expect(await logits(await loadModel(file))).toEqual(await logits(model))
    await file.close()
    expect(await logits(await loadModel(path, { kinds }))).toEqual(await logits(model))
  })

  it('knows what lies where, and what has to travel with the weights', async () => {
    const model = randomModel()
    const inside = join(folder, 'travelling')
    await mkdir(inside)
    await writeFile(join(inside, 'model.safetensors'), encodeSafetensors(entries(model)))
    const text = JSON.stringify({ ...smallJson, bos_token_id: 7 }, null, 2)
    await writeFile(join(inside, 'config.json'), text)
    await writeFile(join(inside, 'tokenizer.json'), '{}')
    await writeFile(join(inside, `tok${model.config.vocabSize}.bin`), 'pieces')
    await writeFile(join(inside, 'README.md'), 'not needed')
    const file = await openModel(inside)
    expect(file.configText).toBe(text)
    expect(file.from).toBe(inside)
    expect(file.files).toEqual([join(inside, 'model.safetensors')])
    expect([...file.shapes!.keys()].sort()).toEqual([...file.names].sort())
    for (const [name, dims] of file.shapes!) expect(file.info(name)).toMatchObject({ type: 'float32', dims })
    expect(() => file.info('w')).toThrow(FormatError)
    expect([...(await file.companions()).keys()]).toEqual([
      'tokenizer.json',
      `tok${model.config.vocabSize}.bin`,
    ])
    await file.close()
  })

  it('says what is missing', async () => {
    const path = join(folder, 'weights-only', 'x.safetensors')
    await mkdir(join(folder, 'weights-only'))
    await writeFile(path, encodeSafetensors([['w', new Tensor('float32', [1], [1])]]))
    const bare = await openModel(path)
    expect(bare.config).toBeUndefined()
    await bare.close()
    await expect(loadModel(path)).rejects.toThrow(UnsupportedError)
    const only = await openModel(join(folder, 'weights-only'))
    expect({ names: only.names, files: only.files }).toEqual({ names: ['w'], files: [path] })
    await only.close()
    await writeFile(join(folder, 'weights-only', 'x.pt'), 'x')
    await expect(openModel(join(folder, 'weights-only', 'x.pt'))).rejects.toThrow(
      /convert them to safetensors/,
    )
    await writeFile(join(folder, 'weights-only', 'x.txt'), 'x')
    await expect(openModel(join(folder, 'weights-only', 'x.txt'))).rejects.toThrow(
      /expected safetensors or an index of them, GGUF/,
    )
    await expect(openModel(join(folder, 'nowhere'))).rejects.toThrow(
      /expected a file or folder, got nothing at/,
    )
    await writeFile(join(folder, 'weights-only', 'config.json'), '{')
    await expect(openModel(path)).rejects.toThrow(FormatError)
  })

  it('says how a weight that lies in a file is called in another', async () => {
    const path = join(folder, 'roles.safetensors')
    const byRole = [...untiedModel().weights] as [string, Tensor | Encoded][]
    await writeFile(path, encodeSafetensors(byRole, { metadata: { config: JSON.stringify(untiedJson) } }))
    const file = await openModel(path)
    expect(file.storedName('layers.1.attention.query')).toBe('layers.1.attention.query')
    await file.close()
    const folderPath = await folderOf('hugging-face', untied())
    const usual = await openModel(folderPath)
    expect(usual.storedName('layers.1.attention.query')).toBe('model.layers.1.self_attn.q_proj.weight')
    expect(usual.storedName('head')).toBe('lm_head.weight')
    expect(await logits(await loadModel(usual))).toEqual(await logits(await loadModel(path)))
    await usual.close()
  })
})

/** A folder with a config.json and one file of weights. */
async function folderOf(
  name: string,
  weights: [string, Tensor | Encoded][],
  more: Record<string, unknown> = {},
): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  await writeFile(join(path, 'model.safetensors'), encodeSafetensors(weights))
  await writeFile(join(path, 'config.json'), JSON.stringify({ ...untiedJson, ...more }))
  return path
}

const untied = () => entries(untiedModel())

/** Files below the tests' folder that this process holds open. */
async function openFiles(): Promise<string[]> {
  const handles = await readdir('/proc/self/fd')
  const paths = await Promise.all(handles.map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return paths.filter(path => path.startsWith(folder))
}

describe('a model that cannot be run', () => {
  it('is refused for weights that are missing, by name, and can be looked into', async () => {
    const path = await folderOf(
      'incomplete',
      untied().filter(([name]) => !name.includes('lm_head')),
    )
    await expect(loadModel(path)).rejects.toThrow(
      "[models/check-model] expected every weight that the configuration asks for, got none called 'head'; the files or their index are incomplete",
    )
    const file = await openModel(path)
    expect(file.names).toContain('norm')
    await file.close()
    const most = await folderOf('mostly-missing', untied().slice(0, 2))
    await expect(loadModel(most)).rejects.toThrow(/'layers.0.attention.value' and 16 more; /)
  })

  it.each([
    [{ model_type: 'unheard-of' }, 'model_type among llama, mixtral', "got 'unheard-of'"],
    [{ num_hidden_layers: 'two' }, "expected a number 'num_hidden_layers'", "got 'two'"],
    [{ hidden_act: 'sinc' }, 'expected', 'sinc'],
    [{ clip_qkv: 8 }, "expected keys that this family has in config.json, got 'clip_qkv'", 'may change'],
  ])(
    'is refused for a configuration that is not understood, and can be looked into: %j',
    async (more, ...said) => {
      const path = await folderOf(`config-${Math.random()}`, untied(), more)
      const file = await openModel(path)
      expect(file.config).toBeUndefined()
      expect(file.names).toContain('model.norm.weight')
      for (const words of said) expect(file.refusal?.message).toContain(words)
      await expect(loadModel(file)).rejects.toBe(file.refusal)
      await file.close()
    },
  )

  it('is refused for tensors that its family does not have, by name', async () => {
    const name = 'model.layers.0.self_attn.q_norm.weight'
    const extra = [name, new Tensor('float32', [1, 1, 1, 1], [4])] as [string, Tensor]
    const path = await folderOf('unclaimed', [...untied(), extra])
    const file = await openModel(path)
    expect(file.unclaimed).toEqual([name])
    await file.close()
    await expect(loadModel(path)).rejects.toThrow(UnsupportedError)
    await expect(loadModel(path)).rejects.toThrow(`expected tensors that this family has, got '${name}'`)
  })

  it.each([
    ["got 'exl2'", { quantization_config: { quant_method: 'exl2' } }, []],
    ["got 'unnamed'", { quantization_config: { bits: 4 } }, []],
    ['tensors of gptq or awq and no quantization_config', {}, ['model.layers.0.self_attn.q_proj.qweight']],
    ['tensors of fp8 and no quantization_config', {}, ['model.layers.0.self_attn.q_proj.weight_scale_inv']],
    ['tensors of bitsandbytes and no quantization_config', {}, ['model.layers.0.self_attn.q_proj.SCB']],
    [
      "tensors of hqq that are in no layout of 'fp8'",
      { quantization_config: { quant_method: 'fp8' } },
      ['model.layers.0.self_attn.q_proj.W_q'],
    ],
  ])(
    'is refused where another program quantized it in a way that is not known: %s',
    async (what, config, names) => {
      const extra = names.map(name => [name, new Tensor('float32', [1], [1])] as [string, Tensor])
      const path = await folderOf(`quantized-${Math.random()}`, [...untied(), ...extra], config)
      await expect(loadModel(path)).rejects.toThrow(what)
      await expect(loadModel(path)).rejects.toThrow(UnsupportedError)
    },
  )

  it('is refused where codes have no scales', async () => {
    const config = { quantization_config: { quant_method: 'fp8' } }
    const bare = untied().map(([name, weight]): [string, Tensor] => {
      if (!name.endsWith('q_proj.weight')) return [name, weight as Tensor]
      const { dims, size } = weight as Tensor
      return [name, new Tensor('float8e4m3fn', new Uint8Array(size), dims)]
    })
    const path = await folderOf('bare', bare, config)
    await expect(loadModel(path)).rejects.toThrow(
      "tensors of F8_E4M3 without scales that are in no layout of 'fp8'",
    )
  })

  it('is loaded where a configuration speaks of quantization and no tensor is', async () => {
    const path = await folderOf('left-over', untied(), { quantization_config: { quant_method: 'fp8' } })
    const file = await openModel(path)
    expect(file.quantizedBy).toBeUndefined()
    checkModel(file)
    await file.close()
  })

  it('is none that Tersor compressed, though its parts have names of their own', async () => {
    const half = untied().map(([name, weight]) => {
      const whole = weight as Tensor
      return [name, whole.dims.length === 2 ? dense(cast(whole, 'float16')) : whole] as [string, Tensor]
    })
    await loadModel(await folderOf('ours', half))
  })

  it.runIf(process.platform === 'linux')('leaves no file open', async () => {
    const bad = await folderOf('bad-config', untied(), { num_hidden_layers: 'two' })
    const short = await folderOf('short', untied().slice(1))
    const shards = join(folder, 'stale')
    await mkdir(shards)
    await writeFile(join(shards, 'a.safetensors'), encodeSafetensors(untied()))
    const index = { weight_map: { [untied()[0]![0]]: 'a.safetensors', gone: 'a.safetensors' } }
    await writeFile(join(shards, 'model.safetensors.index.json'), JSON.stringify(index))
    await writeFile(join(shards, 'config.json'), JSON.stringify(untiedJson))
    for (const path of [bad, short, shards]) await expect(loadModel(path)).rejects.toThrow(FormatError)
    const stopped = AbortSignal.timeout(0)
    await new Promise(resolve => setTimeout(resolve, 5))
    await expect(loadModel(await folderOf('aborted', untied()), { signal: stopped })).rejects.toThrow()
    expect(await openFiles()).toEqual([])
  })
})

describe('a model on a server', () => {
  const url = 'https://models.example/gated/'

  it('is asked for with the fetch that is given, and its status is told', async () => {
    const asked: string[] = []
    const fetch = async (input: string | URL | Request) => {
      asked.push(String(input))
      return new Response(null, { status: 401 })
    }
    await expect(openModel(url, { fetch })).rejects.toThrow(
      `in ${url}, got status 401 and status 401; pass \`headers\` with a token`,
    )
    expect(asked).toEqual([`${url}model.safetensors.index.json`, `${url}model.safetensors`])
  })

  it('is opened until the signal says otherwise', async () => {
    const stop = new AbortController()
    const fetch: typeof globalThis.fetch = async (_, init) => {
      if (init?.method === 'HEAD') return new Response(null)
      return new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
        setTimeout(() => stop.abort())
      })
    }
    await expect(openModel(url, { fetch, signal: stop.signal })).rejects.toThrow('aborted')
  })
})
