import { decode, type Encoded, Rng, Tensor, toFloat32 } from '@tersor/core-tensor'
import { describeWeightMethod } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { NF4_VALUES } from '../grids/nf4.ts'
import { nf4, nf4Method } from './nf4.ts'
import { rtnMethod } from './rtn.ts'

const rng = new Rng(4)
const weight = new Tensor(
  'float32',
  Float32Array.from({ length: 64 * 200 }, () => 0.05 * rng.normal()),
  [64, 200],
)

function snr(small: Encoded): number {
  const back = toFloat32(decode(small))
  let signal = 0
  let noise = 0
  toFloat32(weight).forEach((value, i) => {
    signal += value * value
    noise += (value - back[i]!) ** 2
  })
  return 10 * Math.log10(signal / noise)
}

describe('nf4', () => {
  it('has the published values: rising, from −1 to 1, with an exact zero', () => {
    expect(NF4_VALUES).toHaveLength(16)
    expect([NF4_VALUES[0], NF4_VALUES[7], NF4_VALUES[15]]).toEqual([-1, 0, 1])
    expect([...NF4_VALUES].sort((a, b) => a - b)).toEqual(NF4_VALUES)
  })

  it('gives every weight the nearest value of its block', () => {
    const groupSize = 48
    const back = toFloat32(decode(nf4(weight, { groupSize, doubleQuantize: false })))
    const values = toFloat32(weight)
    for (let row = 0; row < 64; row += 9) {
      for (let start = 0; start < 200; start += groupSize) {
        const block = values.subarray(row * 200 + start, row * 200 + Math.min(200, start + groupSize))
        const max = Math.max(...block.map(Math.abs))
        block.forEach((value, i) => {
          const nearest = Math.min(...NF4_VALUES.map(level => Math.abs(value - level * max)))
          expect(Math.abs(Math.abs(value - back[row * 200 + start + i]!) - nearest)).toBeLessThan(1e-8)
        })
      }
    }
  })

  it('hardly loses by quantizing its scales too', () => {
    const plain = nf4(weight, { doubleQuantize: false })
    const double = nf4(weight)
    expect(snr(plain) - snr(double)).toBeLessThan(0.1)
  })

  it('keeps zeros', () => {
    expect([
      ...toFloat32(decode(nf4(new Tensor('float32', [0, 0, 0], [3]), { doubleQuantize: false }))),
    ]).toEqual([0, 0, 0])
  })
})

describeWeightMethod(nf4Method, [
  { bitsPerWeight: 4.656, loses: [0.0082, 0.011] },
  {
    options: { doubleQuantize: false, groupSize: 48 },
    bitsPerWeight: 4.993,
    loses: [0.0073, 0.0099],
    beats: { method: rtnMethod, options: { zero: 'middle', groupSize: 32, scaleType: 'float32' }, by: 0.95 },
  },
])
