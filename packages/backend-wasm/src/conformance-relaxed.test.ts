import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { hasRelaxedSimd } from './features.ts'
import { createWasmDevice } from './index.ts'

// Node has relaxed SIMD from 22 on.
describe.skipIf(!hasRelaxedSimd())('relaxed SIMD', () => {
  describeDevice(() => createWasmDevice({ simd: 'relaxed', threads: 1 }), coreCases)
})
