import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { byteLength } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { openModel, weightShapes } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomWeights, smallConfig, smallJson, workplace } from '../testing/small-model.ts'
import { json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const at = (...names: string[]) => join(folder, ...names)

describe('tersor inspect', () => {
  it('lists weights with exact bytes', async () => {
    const { elements, bytes, bitsPerWeight, tensors } = await json('inspect', at('model'))
    expect(bytes).toBe(4 * elements)
    expect(bitsPerWeight).toBe(32)
    expect(tensors).toHaveLength(weightShapes(smallConfig).size)
    expect((await tersor('inspect', at('model'))).out).toContain('layers.0.feedForward.down')
  })

  it('says what the model is, and what it takes to run it', async () => {
    const { config, ignored, tensors, elements, bytes, fileBytes, bitsPerWeight, ...facts } = await json(
      'inspect',
      at('model'),
    )
    expect(facts).toEqual({
      architecture: 'llama',
      makes: 'text',
      // The embedding, a block with its two norms, the last norm.
      parameters: 259 * 32 + 4 * 32 * 32 + 3 * 32 * 48 + 3 * 32,
      layout: {
        format: 'safetensors',
        files: 1,
        types: [{ type: 'float32', weights: 11, elements, bytes: 4 * elements, bitsPerWeight: 32 }],
      },
      graph: null,
      tokenizer: { kind: 'bytePair', tokens: 259, addsBos: true, chatTemplate: false },
      ...{ context: 64, vocabulary: 259, hiddenSize: 32 },
      mixers: [
        {
          ...{ layers: 1, kind: 'attention', heads: 2, kvHeads: 2, headDim: 16 },
          ...{ window: null, sharesKeys: false },
        },
      ],
      // Keys and values of two heads, and a position.
      memory: { weights: bytes, cacheOfThousandTokens: 260_000, cacheOfContext: 64 * 260 },
      ...{ quantizedBy: null, missing: [], unclaimed: [], problem: null },
    })
    const { out } = await tersor('inspect', at('model'))
    expect(out.slice(out.indexOf('  family')).split('\n')).toEqual([
      '  family      llama',
      '  parameters  17088',
      '  stored      safetensors, one file',
      '              11 × float32 of 32.000 bits, 68.4 kB',
      '  size        64 tokens of context, 259 in the vocabulary, 32 wide',
      '  layers      1 layer of attention: 2 heads of 16, 2 of keys and values',
      '  tokenizer   byte-pair encoding, 259 tokens, a beginning token before texts, without a chat',
      '              template',
      '  memory      68.4 kB of weights; 260 kB of cache for 1000 tokens, 16.6 kB for all 64',
      '',
    ])
  })

  it('says what is missing, what is not known, and that there is no configuration', async () => {
    await mkdir(at('half'))
    const [first, second, ...rest] = randomWeights()
    const odd = { ...first, 0: 'model.layers.0.twist.weight' } as (typeof rest)[number]
    await writeFile(
      at('half', 'model.safetensors'),
      encodeSafetensors([first!, [odd[0], second![1]], ...rest]),
    )
    await writeFile(at('half', 'config.json'), JSON.stringify(smallJson))
    const half = await json('inspect', at('half'))
    expect(half).toMatchObject({ tokenizer: null, unclaimed: ['model.layers.0.twist.weight'] })
    expect(half.missing).toHaveLength(1)
    expect(half.problem).toContain(half.missing[0])
    await writeFile(at('alone.safetensors'), encodeSafetensors([first!]))
    expect((await tersor('inspect', at('alone.safetensors'))).out).toContain('it has no configuration')
  })

  it('lists types that Tersor has not, and what another program quantized, without reading either', async () => {
    const header = {
      'w.qweight': { dtype: 'I32', shape: [2, 1], data_offsets: [0, 8] },
      'w.counts': { dtype: 'U64', shape: [2], data_offsets: [8, 24] },
    }
    const head = new TextEncoder().encode(JSON.stringify(header))
    const bytes = new Uint8Array(8 + head.length + 24)
    new DataView(bytes.buffer).setUint32(0, head.length, true)
    bytes.set(head, 8)
    await writeFile(at('foreign.safetensors'), bytes)
    const listed = await json('inspect', at('foreign.safetensors'))
    expect(listed).toMatchObject({ quantizedBy: 'gptq or awq', bytes: 24, config: null })
    expect(listed.tensors).toMatchObject([
      { name: 'w.qweight', encoding: 'int32', bytes: 8 },
      { name: 'w.counts', encoding: 'U64', bytes: 16 },
    ])
    expect((await tersor('inspect', at('foreign.safetensors'))).out).toContain('it cannot be run')
  })

  it('lists the weights of a family that is not known, and says so', async () => {
    await mkdir(at('unheard'))
    await writeFile(at('unheard', 'model.safetensors'), encodeSafetensors(randomWeights()))
    await writeFile(at('unheard', 'config.json'), JSON.stringify({ ...smallJson, model_type: 'unheard-of' }))
    const listed = await json('inspect', at('unheard'))
    expect(listed).toMatchObject({ config: null, bitsPerWeight: 32 })
    expect(listed.problem).toContain("got 'unheard-of'")
    expect((await tersor('inspect', at('unheard'))).out).toMatch(/it cannot be run: .+ model_type among/)
  })

  it('counts the metadata of encodings', async () => {
    await tersor('compress', at('model'), '--method', 'rtn', '-o', at('small.safetensors'))
    const { tensors } = await json('inspect', at('small.safetensors'))
    const matrix = tensors.find(({ name }: { name: string }) => name.endsWith('feedForward.up'))
    const file = await openModel(at('small.safetensors'))
    expect(matrix).toMatchObject({ encoding: 'affine', bytes: byteLength(await file.load(matrix.name)) })
    expect(matrix.bytes).toBeGreaterThan(file.info(matrix.name).byteLength)
    await file.close()
  })

  it('takes file: URLs', async () => {
    const url = pathToFileURL(at('model', 'model.safetensors')).href
    expect((await json('inspect', url)).fileBytes).toBeGreaterThan(0)
  })
})
