import { createNativeDevice } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import type { Device } from '@tersor/core-tensor'
import { architectureRows, describeArchitectureOn } from '@tersor/models/testing'
import { afterAll, beforeAll, describe } from 'vitest'

// Of packed weights nothing is rounded here, as the reference implementation rounds nothing.
describe.each([
  ['wasm', () => createWasmDevice({ activations: 'float32' })],
  ['native', () => createNativeDevice({ activations: 'float32' }).catch(() => undefined)],
] as const)('%s', (_, make) => {
  let device: Device | undefined
  beforeAll(async () => {
    device = await make()
  })
  afterAll(() => device?.dispose())

  for (const row of architectureRows) describeArchitectureOn(row, () => device)
})
