import { describe } from 'vitest'
import { reference } from '../tensor/tensor.ts'
import { coreCases } from './core-cases.ts'
import { describeDevice } from './describe-device.ts'
import { GrowingDevice } from './growing-device.ts'

describe('reference', () => describeDevice(() => reference, coreCases))

describe('a host whose memory moves, by fallbacks', () => {
  const device = new GrowingDevice()
  const fresh = coreCases.map(each => ({
    ...each,
    run: async () => {
      await each.run(device)
      device.dispose()
    },
  }))
  describeDevice(() => device, fresh)
})
