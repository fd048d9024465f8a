import { createWasmDevice, training, type WasmDeviceOptions } from '@tersor/backend-wasm'
import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { trainingCases } from './testing/training-cases.ts'

const kinds: Record<string, WasmDeviceOptions> = {
  'one thread': { simd: 'simd', threads: 1 },
  'two threads': { simd: 'simd', threads: 2 },
  'memory that moves': { simd: 'simd', threads: 1, debug: true },
  // Relaxed SIMD where there is any: Node has it from 22 on.
  'the instructions that this engine has': { threads: 1 },
}

describe.each(Object.entries(kinds))('wasm, %s', (_, options) =>
  describeDevice(async () => {
    const device = await createWasmDevice({ ...options, groups: [training] })
    await device.startThreads()
    return device
  }, [trainingCases]),
)
