import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { createWasmDevice } from './index.ts'

// Views that someone keeps across an allocation go dead here, and freed memory is overwritten.
describeDevice(() => createWasmDevice({ simd: 'simd', threads: 1, debug: true }), coreCases)
