import { coding, createWasmDevice, type WasmDeviceOptions } from '@tersor/backend-wasm'
import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { codingCases } from './testing/coding-cases.ts'

const kinds: Record<string, WasmDeviceOptions> = {
  'one thread': { threads: 1 },
  'two threads': { threads: 2 },
  'memory that moves': { threads: 1, debug: true },
}

describe.each(Object.entries(kinds))('wasm, %s', (_, options) =>
  describeDevice(async () => {
    const device = await createWasmDevice({ ...options, groups: [coding] })
    await device.startThreads()
    return device
  }, [codingCases]),
)
