import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { trainingCases } from '../../distill/src/testing/training-cases.ts'
import { hasRelaxedSimd } from './features.ts'
import { createWasmDevice, training, type WasmDeviceOptions } from './index.ts'

const kinds: Record<string, WasmDeviceOptions> = {
  'one thread': { simd: 'simd', threads: 1 },
  'two threads': { simd: 'simd', threads: 2 },
  'memory that moves': { simd: 'simd', threads: 1, debug: true },
}
// Node has relaxed SIMD from 22 on.
if (hasRelaxedSimd()) kinds['relaxed SIMD'] = { simd: 'relaxed', threads: 1 }

describe.each(Object.entries(kinds))('%s', (_, options) =>
  describeDevice(async () => {
    const device = await createWasmDevice({ ...options, groups: [training] })
    await device.startThreads()
    return device
  }, [trainingCases]),
)
