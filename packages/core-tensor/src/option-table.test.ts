import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from './errors.ts'
import { describeOption, nearestName, type OptionTable, optionsOf } from './option-table.ts'

interface Options {
  bits?: number
  groupSize?: number | 'channel'
  damping?: number
  actOrder?: boolean
  range?: 'minMax' | 'mse'
  name?: string
  signal?: AbortSignal
}

const table = {
  bits: { is: 'whole', min: 2, max: 8, help: 'bits a code' },
  groupSize: {
    is: 'whole',
    min: 1,
    words: ['channel'],
    default: 32,
    help: 'weights that share a scale',
  },
  damping: { is: 'number', min: 0, max: 1, default: 0.01, help: 'added to the diagonal' },
  actOrder: { is: 'flag', default: false, help: 'largest inputs first' },
  range: { is: 'choice', of: ['minMax', 'mse'], default: 'minMax', help: 'how ranges are found' },
} as const satisfies OptionTable<Options>

const filled = (given: object) => optionsOf<Options>(table, given, 'here')

describe('optionsOf', () => {
  it('fills in defaults and takes what is undefined for missing', () => {
    const defaults = { bits: 3, groupSize: 32, damping: 0.01, actOrder: false, range: 'minMax' }
    expect(filled({ bits: 3 })).toEqual(defaults)
    expect(filled({ bits: 3, range: undefined, groupSize: undefined })).toEqual(defaults)
  })

  it('keeps what is given, and leaves out what every function takes', () => {
    const given = { bits: 2, groupSize: 'channel', damping: 0, actOrder: true, range: 'mse' } as const
    expect(filled({ ...given, signal: undefined, name: 'w' })).toEqual(given)
  })

  it.each([
    [{}, /\[here\] expected bits to be a whole number from 2 to 8, got none/],
    [{ bits: 9 }, /bits .* from 2 to 8, got 9/],
    [{ bits: 2.5 }, /got 2.5/],
    [{ bits: '4' }, /got '4'/],
    [{ bits: 4, groupSize: 0 }, /groupSize to be a whole number of at least 1, or 'channel', got 0/],
    [{ bits: 4, groupSize: 'tensor' }, /got 'tensor'/],
    [{ bits: 4, damping: Number.NaN }, /damping to be a number from 0 to 1, got NaN/],
    [{ bits: 4, actOrder: 'yes' }, /actOrder to be true or false, got 'yes'/],
    [{ bits: 4, range: 'best' }, /range to be one of 'minMax', 'mse', got 'best'/],
    [{ bits: 4, group: 16 }, /got group; did you mean groupSize\?/],
    [{ bits: 4, colour: 1 }, /expected options among bits, groupSize, .*, got colour$/],
    [{ bits: 4, constructor: 1 }, /got constructor/],
  ])('refuses %j', (given, message) => {
    expect(() => filled(given)).toThrow(ShapeError)
    expect(() => filled(given)).toThrow(message)
  })
})

it('takes an option only beside the value of another that it belongs to', () => {
  const table = {
    grid: { is: 'choice', of: ['affine', 'nf4'], default: 'affine', help: '' },
    bits: { is: 'whole', min: 2, max: 8, default: 4, when: ['grid', 'affine'], help: '' },
  } as const
  expect(optionsOf(table, {}, 'here')).toEqual({ grid: 'affine', bits: 4 })
  expect(optionsOf(table, { grid: 'nf4' }, 'here')).toEqual({ grid: 'nf4' })
  expect(() => optionsOf(table, { grid: 'nf4', bits: 3 }, 'here')).toThrow(
    "[here] expected bits with grid 'affine' only, got grid 'nf4'; leave bits out",
  )
})

it('describes every kind of option', () => {
  expect(Object.values(table).map(describeOption)).toEqual([
    'a whole number from 2 to 8',
    "a whole number of at least 1, or 'channel'",
    'a number from 0 to 1',
    'true or false',
    "one of 'minMax', 'mse'",
  ])
})

describe('nearestName', () => {
  it('finds a name again after one slip', () => {
    const names = ['quantize', 'inspect', 'eval', 'demo', 'verify-devices']
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
        const i = at % name.length
        const typed = name.slice(0, i) + name.slice(i + 1)
        expect(nearestName(typed, names)).toBe(name)
      }),
      { seed: 1 },
    )
    expect(nearestName('xyz', names)).toBeUndefined()
  })
})
