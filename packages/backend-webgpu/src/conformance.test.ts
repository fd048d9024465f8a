import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { adapterFound, createTestDevice } from './testing/test-device.ts'

describe.skipIf(!adapterFound)('webgpu', () => describeDevice(createTestDevice, coreCases))
