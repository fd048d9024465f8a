import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { hasRelaxedSimd } from './features.ts'
import { coding, createWasmDevice, type WasmDevice, type WasmDeviceOptions } from './index.ts'

const groups = [coding]
const modes: Record<string, WasmDeviceOptions> = {
  'simd, one thread': { simd: 'simd', threads: 1, groups },
  'simd, two threads': { simd: 'simd', threads: 2, groups },
  'memory that moves': { simd: 'simd', threads: 1, debug: true, groups },
  ...(hasRelaxedSimd() ? { 'relaxed simd': { simd: 'relaxed', threads: 1, groups } } : {}),
}

for (const [name, options] of Object.entries(modes)) {
  describe(name, () => {
    const create = async (): Promise<WasmDevice> => {
      const device = await createWasmDevice(options)
      await device.startThreads()
      return device
    }
    describeDevice(create, coreCases)
  })
}
