import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { type Device, decode, type Encoded, Rng, reference, Tensor, toFloat32 } from '@tersor/core-tensor'
import { gather } from '@tersor/core-tensor/reference'
import { generate } from '@tersor/decode'
import { encodeSafetensors } from '@tersor/formats'
import {
  configFromHuggingFace,
  Decoder,
  loadModel,
  openModel,
  storedName,
  weightShapes,
} from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asAffine, codesOf, configOf, placesOf, writers } from './testing/quantized-checkpoint.ts'

const GROUP = 32
const json = {
  model_type: 'llama',
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 40,
  max_position_embeddings: 64,
  rope_theta: 10000,
  hidden_size: 64,
  intermediate_size: 96,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
}
const config = configFromHuggingFace(json)

/** Whole models in the layouts of other programs, against the same codes in Tersor's own. */
describe.each(Object.keys(writers))('a model in the layout of %s', layout => {
  let folder: string
  let expected: Decoder
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-quantized-'))
    const [tensors, weights] = written(layout)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(tensors))
    const quantization_config = configOf(layout, GROUP)
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...json, quantization_config }))
    expected = new Decoder(config, weights)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('has all weights, by their roles, in 4 bits and a little', async () => {
    const file = await openModel(folder)
    expect(file.missing).toEqual([])
    expect(file.unclaimed).toEqual([])
    const { dims, byteLength } = file.info('layers.1.feedForward.down')
    expect(dims).toEqual([64, 96])
    expect((8 * byteLength) / (64 * 96)).toBeLessThan(5.3)
    await file.close()
  })

  it.each([
    ['the reference', async (): Promise<Device | undefined> => reference, 0],
    ['WebAssembly', () => createWasmDevice(), 2e-3],
    ['native', async () => (nativeAvailable() ? createNativeDevice() : undefined), 2e-4],
  ] as const)('gives the logits of its codes, and the same text: %s', async (_, create, tolerance) => {
    const device = await create()
    if (device === undefined) return
    const model = await loadModel(folder, { device })
    const tokens = Int32Array.of(3, 17, 29, 8)
    const [got, wanted] = [await logitsOf(model, tokens), await logitsOf(expected, tokens)]
    const largest = Math.max(...wanted.map(Math.abs))
    const off = Math.max(...got.map((value, i) => Math.abs(value - wanted[i]!)))
    expect(off).toBeLessThanOrEqual(tolerance * largest)
    expect(await textOf(model, tokens)).toEqual(await textOf(expected, tokens))
    model.dispose()
  })
})

/** The tensors of a file, and the weights that they stand for. */
function written(layout: string): [[string, Tensor][], Map<string, Tensor | Encoded>] {
  const rng = new Rng(5)
  const tensors: [string, Tensor][] = []
  const weights = new Map<string, Tensor | Encoded>()
  for (const [role, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.2 * rng.normal()))
    const weight = new Tensor('float32', values, dims)
    const name = storedName(config, role)
    if (dims.length === 1 || !role.startsWith('layers.')) {
      tensors.push([name, weight])
      weights.set(role, weight)
      continue
    }
    const codes = codesOf(weight, GROUP)
    const parts = writers[layout]!(codes, rng)
    for (const [ending, tensor] of Object.entries(parts))
      tensors.push([name.replace(/\.weight$/, ending), tensor])
    const order = parts['.g_idx']
    const places = order && new Tensor('int32', placesOf(order.data as Int32Array, GROUP), order.dims)
    weights.set(role, places ? gather(decode(asAffine(codes)), places, { axis: 1 }) : asAffine(codes))
  }
  return [tensors, weights]
}

async function logitsOf(model: Decoder, tokens: Int32Array): Promise<Float32Array> {
  const { logits } = await model.forward(tokens, { cache: model.createCache(), logits: 'all' })
  return toFloat32(new Tensor('float32', (await logits!.read()) as Float32Array, logits!.dims))
}

async function textOf(model: Decoder, prompt: Int32Array): Promise<number[]> {
  const tokens: number[] = []
  for await (const token of generate(model, prompt, { maxTokens: 12 })) tokens.push(token)
  return tokens
}
