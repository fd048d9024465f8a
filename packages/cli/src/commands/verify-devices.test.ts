import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workplace } from '../testing/small-model.ts'
import { json, tersor } from '../testing/tersor.ts'

let folder = ''
beforeAll(async () => {
  folder = await workplace()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('tersor verify-devices', () => {
  it('compares every device with the reference, on sample weights and on a model', async () => {
    const { devices } = await json('verify-devices')
    expect(devices.map(({ device }: { device: string }) => device)).toContain('wasm')
    for (const { layers, firstDivergence } of devices) {
      expect(firstDivergence).toBeNull()
      expect(layers.map(({ layer }: { layer: string }) => layer)).toEqual(
        expect.arrayContaining(['nf4', 'rtn bits 3']),
      )
    }
    const result = await tersor('verify-devices', join(folder, 'model'))
    expect(result.out).toMatch(/^block 0 /m)
    expect(result.out).toMatch(/wasm agrees with the reference/)
  })

  it('compares one device alone', async () => {
    const { devices, missing } = await json('verify-devices', join(folder, 'model'), '--device', 'wasm')
    expect(devices.map(({ device }: { device: string }) => device)).toEqual(['wasm'])
    expect(missing).toEqual([])
  })
})
