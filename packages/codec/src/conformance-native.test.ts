import { createNativeDevice, nativeAvailable, nativeIsas } from '@tersor/backend-native'
import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { codingCases } from './testing/coding-cases.ts'

describe.skipIf(!nativeAvailable())('native (skipped where it is not built: pnpm build:native)', () => {
  for (const isa of nativeIsas()) {
    for (const threads of [1, 2])
      describe(`${isa}, threads ${threads}`, () =>
        describeDevice(() => createNativeDevice({ isa, threads }), [codingCases]))
  }
})
