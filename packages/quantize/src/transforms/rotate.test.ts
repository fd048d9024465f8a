import { decode, type Encoded, linear, Tensor, toFloat32 } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import { describeWeightMethod, gramOf, layerInputs, normals, outputError } from '@tersor/core-tensor/testing'
import { describe, expect, it } from 'vitest'
import { gptq } from '../solvers/gptq.ts'
import { rtn } from '../solvers/rtn.ts'
import { rotate, rotateMethod } from './rotate.ts'

describe('rotate', () => {
  it('spreads one weight over its whole block, and keeps the size of a row', () => {
    const spike = new Tensor(
      'float32',
      Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? 8 : 0)),
      [1, 64],
    )
    const base = toFloat32(rotate(spike).parts[0] as Tensor)
    expect(new Set(base.map(Math.abs))).toEqual(new Set([1]))
    const weight = normals([4, 96], 1)
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, w) => sum + w * w, 0))
    expect(norm(toFloat32(rotate(weight).parts[0] as Tensor))).toBeCloseTo(norm(toFloat32(weight)), 4)
  })

  it('lets few bits hold a weight that stands out', () => {
    const weight = normals([8, 128], 2)
    weight.data[77] = 40
    const error = (start: Tensor | Encoded) => {
      const back = toFloat32(decode(rtn(start, { bits: 3, groupSize: 128 })))
      return toFloat32(weight).reduce((sum, w, i) => sum + (w - back[i]!) ** 2, 0)
    }
    expect(error(rotate(weight)) / error(weight)).toBeLessThan(0.5)
  })

  it('turns the Gram matrix too: gptq in turned coordinates is gptq of the turned layer', async () => {
    const weight = normals([6, 32], 3)
    const x = layerInputs(32, 4)
    const start = rotate(weight, { seed: 9 })
    const [base, rotation] = [start.parts[0] as Tensor, start.parts[1]!]
    const turned = await gptq(base, gramOf(cast(linear(x, rotation), 'float64')), { bits: 3 })
    const small = await gptq(start, gramOf(x), { bits: 3 })
    const difference = outputError(x, decode(turned), decode(small.parts[0]!))
    expect(difference).toBeLessThan(1e-6)
  })
})

describeWeightMethod(rotateMethod, [{ bitsPerWeight: 32.042, loses: [0, 1e-10] }])
