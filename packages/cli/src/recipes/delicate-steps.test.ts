import { describe, expect, it } from 'vitest'
import { methods } from '../method-lists.ts'
import { delicateSteps } from './delicate-steps.ts'

const of = (bits: number, ...use: Parameters<typeof delicateSteps>[0]) => delicateSteps(use, bits, methods)

describe('delicateSteps', () => {
  it('rounds to more bits where the steps take fewer', () => {
    expect(of(8, { method: 'rtn', bits: 4 })).toEqual([{ method: 'rtn', bits: 8 }])
    expect(of(6, { method: 'rtn' })).toEqual([{ method: 'rtn', bits: 6 }])
    expect(of(8, { method: 'nf4' })).toEqual([{ method: 'rtn', bits: 8 }])
    expect(of(8, { method: 'rotate' }, { method: 'rtn', bits: 2 })).toEqual([{ method: 'rtn', bits: 8 }])
    expect(of(8, { method: 'mxfp4' })).toEqual([{ method: 'rtn', bits: 8 }])
  })

  it('leaves it at the steps where they take as many', () => {
    expect(of(8, { method: 'rtn', bits: 8 })).toBeUndefined()
    expect(of(3, { method: 'rtn', bits: 4 })).toBeUndefined()
    expect(of(4, { method: 'nf4' })).toBeUndefined()
    expect(of(8, { method: 'float8' })).toBeUndefined()
  })

  it('takes a method that needs no text where the steps do', () => {
    expect(of(4, { method: 'gptq', bits: 8 }, { method: 'quant-ease' })).toEqual([{ method: 'rtn', bits: 8 }])
    expect(of(8, { method: 'gptq', grid: 'nf4' })).toEqual([{ method: 'rtn', bits: 8 }])
  })

  it('knows no better where no method rounds', () => {
    expect(
      delicateSteps(
        [{ method: 'nf4' }],
        8,
        methods.filter(({ name }) => name === 'nf4'),
      ),
    ).toBeUndefined()
  })
})
