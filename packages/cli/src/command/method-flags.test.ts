import type { Option, WeightMethod } from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { methods } from '../method-lists.ts'
import { parseArguments } from './arguments.ts'
import { MethodFlags, methodsNamed } from './method-flags.ts'
import { UsageError } from './usage-error.ts'

const method = (
  name: string,
  options: Record<string, Option>,
  needs: WeightMethod['needs'] = [],
): WeightMethod => ({
  ...{ name, options, needs },
  version: 1,
  summary: `does what ${name} does`,
  kinds: [],
  apply: () => {
    throw new Error('never')
  },
})

const width = { is: 'whole', min: 1, words: ['row'], default: 32, help: 'how wide' } as const
const share = { is: 'number', min: 0, max: 1, help: 'how much' } as const
const order = { is: 'flag', default: true, help: 'in order' } as const
const how = { is: 'choice', of: ['minMax', 'mse'], default: 'mse', help: 'how' } as const

const first = method('first', { windowWidth: width, keepOrder: order, how })
const seed = { is: 'whole', min: 0, when: ['share', '1'], default: 1, help: 'of chance' } as const
const second = method('second', { windowWidth: width, share, seed }, ['gram', 'start'])
const known = [first, second]
const flags = new MethodFlags(known, ['seed'])

/** What a command line of flags alone comes to. */
const steps = (names: string, ...args: string[]) =>
  flags.steps(methodsNamed(names, known), parseArguments(args, flags.table(known)).values)

describe('flags of methods', () => {
  it('are the options in words, each of its type', () => {
    expect(Object.keys(flags.table(known))).toEqual([
      'window-width',
      'keep-order',
      'how',
      'share',
      'second-seed',
    ])
    expect(steps('first', '--window', '8', '--no-keep-order', '--how', 'min-max')).toEqual([
      { method: 'first', windowWidth: 8, keepOrder: false, how: 'minMax' },
    ])
    expect(steps('first', '--window-width=row')).toEqual([{ method: 'first', windowWidth: 'row' }])
    expect(steps('first')).toEqual([{ method: 'first' }])
  })

  it('go to every method that has them', () => {
    expect(steps('first,second', '--window-width', '4', '--share', '0.5')).toEqual([
      { method: 'first', windowWidth: 4 },
      { method: 'second', windowWidth: 4, share: 0.5 },
    ])
  })

  it.each([
    ['third', [], "expected --method to name some of first, second, got 'third'"],
    ['frist', [], 'did you mean first?'],
    ['second', ['--share', '1'], 'expected a method before second'],
    ['first', ['--share', '1'], 'expected an option of first, got --share, which second has'],
    [
      'first',
      ['--window-width', '0'],
      "expected --window-width to be a whole number of at least 1, or 'row', got '0'",
    ],
    ['first', ['--window-width', '1.5'], 'a whole number'],
    ['first', ['--window-width', ''], 'a whole number'],
    ['first', ['--how', 'max'], "expected --how to be one of 'minMax', 'mse', got 'max'"],
    [
      'first,second',
      [],
      'second: expected share to be a number from 0 to 1, got none; see --method second --help',
    ],
    ['first,second', ['--share', '2'], 'expected --share to be a number from 0 to 1'],
  ])('are wrong usage: %s %j', (names, args, sentence) => {
    expect(() => steps(names, ...args)).toThrow(UsageError)
    expect(() => steps(names, ...args)).toThrow(sentence)
  })

  it('are explained out of the table', () => {
    expect(flags.help(known, false)).toBe('  first   does what first does\n  second  does what second does\n')
    expect(flags.help([second], true)).toBe(
      'second: does what second does\n' +
        '  --window-width N  how wide: a whole number of at least 1, or row; 32 by default\n' +
        '  --share N         how much: a number from 0 to 1\n' +
        '  --second-seed N   of chance: a whole number of at least 0; 1 by default (with --share 1)\n',
    )
    expect(flags.help([first], true)).toContain('--keep-order      in order; on by default')
  })
})

describe('the methods of the command', () => {
  it('have names like files, each its own', () => {
    const names = methods.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/)
  })

  it('agree on what a flag takes', () => {
    for (const one of methods) {
      for (const other of methods) {
        const all = new MethodFlags(methods, [])
        const [a, b] = [all.table([one]), all.table([other])]
        for (const flag of Object.keys(a)) if (flag in b) expect(b[flag]!.type).toBe(a[flag]!.type)
      }
    }
  })
})
