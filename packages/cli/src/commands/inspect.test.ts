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
