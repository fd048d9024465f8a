import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { describe, vi } from 'vitest'
import { adapterFound, createTestDevice } from './testing/test-device.ts'

// Software drivers take seconds to compile a kernel.
vi.setConfig({ testTimeout: 300_000 })

describe.skipIf(!adapterFound)('webgpu', () => describeDevice(createTestDevice, coreCases))
