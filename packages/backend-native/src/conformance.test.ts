import { coreCases, describeDevice } from '@tersor/core-tensor/testing'
import { describe } from 'vitest'
import { createNativeDevice, nativeAvailable, nativeIsas } from './native-device.ts'

describe.skipIf(!nativeAvailable())('native (skipped where it is not built: pnpm build:native)', () => {
  for (const [i, isa] of nativeIsas().entries()) {
    for (const threads of i === 0 ? [1, 2] : [1]) {
      describe(`${isa}, threads ${threads}`, () =>
        describeDevice(() => createNativeDevice({ isa, threads }), coreCases))
    }
  }
})
