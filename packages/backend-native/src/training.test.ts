import { describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { trainingCases } from '../../distill/src/testing/training-cases.ts'
import { createNativeDevice, nativeAvailable, nativeIsas } from './native-device.ts'

describe.skipIf(!nativeAvailable())('native (skipped where it is not built: pnpm build:native)', () => {
  for (const isa of nativeIsas()) {
    for (const threads of [1, 2])
      describe(`${isa}, threads ${threads}`, () =>
        describeDevice(() => createNativeDevice({ isa, threads }), [trainingCases]))
  }
})
