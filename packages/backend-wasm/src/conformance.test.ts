import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { coding, createWasmDevice } from './index.ts'

describeDevice(() => createWasmDevice({ simd: 'simd', threads: 1, groups: [coding] }), coreCases)
