import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { workplace } from '../testing/small-model.ts'
import { tersor } from '../testing/tersor.ts'

it('tersor compress draws its own calibration text where none is given, on the device that is named', async () => {
  const folder = await workplace()
  try {
    const args = ['--method', 'gptq', '--device', 'wasm', '-o', join(folder, 'own.safetensors')]
    const { code, err } = await tersor('compress', join(folder, 'model'), ...args)
    expect(code).toBe(0)
    expect(err).toMatch(/^no --calibration given: the model draws 16384 tokens of its own\n/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
