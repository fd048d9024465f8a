import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { weightShapes } from '@tersor/models'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { smallConfig, workplace } from '../testing/small-model.ts'
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
    expect((await tersor('inspect', at('model'))).out).toContain('model.layers.0.mlp.down_proj.weight')
  })

  it('takes file: URLs', async () => {
    const url = pathToFileURL(at('model', 'model.safetensors')).href
    expect((await json('inspect', url)).fileBytes).toBeGreaterThan(0)
  })
})
