import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { createWasmDevice } from './index.ts'

describeDevice(async () => {
  const device = await createWasmDevice({ simd: 'simd', threads: 2 })
  await device.startThreads()
  return device
}, coreCases)
