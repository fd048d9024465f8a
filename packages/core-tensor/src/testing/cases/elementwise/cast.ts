import { expect } from 'vitest'
import { cast } from '../../../reference/cast.ts'
import { Rng } from '../../../rng.ts'
import { numbersOf } from '../../../tensor/convert.ts'
import { type DType, dtypeBits } from '../../../tensor/dtype.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, hostTensor, normals, SIZES, SPECIALS, upload } from '../fixtures.ts'

const types = Object.keys(dtypeBits) as DType[]
const wide = (type: DType) => type === 'float64' || type === 'int64'

const pairs: KernelCase[] = types.flatMap(from =>
  types.map(to => ({
    kernel: 'cast' as const,
    name: `${from} to ${to}`,
    hostOnly: wide(from) || wide(to),
    async run(device) {
      for (const size of SIZES) {
        const rng = new Rng(size + 1)
        const values = normals(rng, size).map(x => x * 3)
        const x = upload(device, from, [size], values)
        const held = numbersOf(hostTensor(from, [size], values))
        await expectElements(cast(x, to), held, { dims: [size], type: to })
        const out = device.empty(to, [size])
        expect(cast(x, to, { out })).toBe(out)
        await expectElements(out, held, { dims: [size], type: to })
      }
    },
  })),
)

const specials: KernelCase[] = types.map(to => ({
  kernel: 'cast',
  name: `NaN, infinities, zeros and subnormals to ${to}`,
  hostOnly: true,
  async run(device) {
    const x = upload(device, 'float64', [SPECIALS.length], SPECIALS)
    const expected = hostTensor(to, [SPECIALS.length], SPECIALS)
    expect(await cast(x, to).read()).toEqual(expected.data)
  },
}))

export const castCases: readonly KernelCase[] = [...pairs, ...specials]
