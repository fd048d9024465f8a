import { describe, expect, it } from 'vitest'
import { parseArguments } from './arguments.ts'
import { UsageError } from './usage-error.ts'

const flags = {
  'group-size': { type: 'string', help: '' },
  'act-order': { type: 'boolean', help: '' },
  'row-scale': { type: 'string', help: '' },
  'row-range': { type: 'string', help: '' },
  output: { type: 'string', short: 'o', help: '' },
} as const

describe('parseArguments', () => {
  it('gives values and what is none', () => {
    const { values, positionals } = parseArguments(['a', '--group-size=8', '-o', 'b', '--', '--act'], flags)
    expect({ ...values }).toEqual({ 'group-size': '8', output: 'b' })
    expect(positionals).toEqual(['a', '--act'])
  })

  it('lets a flag be cut after a word, where only one begins so', () => {
    expect(parseArguments(['--group', '8'], flags).values['group-size']).toBe('8')
    expect(parseArguments(['--group=8'], flags).values['group-size']).toBe('8')
    expect(() => parseArguments(['--row', '8'], flags)).toThrow('did you mean --row-scale or --row-range?')
    expect(() => parseArguments(['--gro', '8'], flags)).toThrow(UsageError)
  })

  it('takes --no- before a flag that is true or false, and before no other', () => {
    expect(parseArguments(['--no-act-order'], flags).values['act-order']).toBe(false)
    expect(parseArguments(['--act-order'], flags).values['act-order']).toBe(true)
    expect(() => parseArguments(['--no-output'], flags)).toThrow(UsageError)
  })

  it.each([
    [['-x'], "expected an option of this command, got '-x'"],
    [['--output'], 'expected a value after --output'],
    [['-o'], 'expected a value after --output'],
    [['-o', '--json'], 'expected a value after'],
    [['--outptu', 'x'], "got '--outptu'; did you mean --output?"],
    [['--act-order=yes'], 'expected --act-order without a value'],
  ])('refuses %j', (args, sentence) => {
    expect(() => parseArguments(args, flags)).toThrow(UsageError)
    expect(() => parseArguments(args, flags)).toThrow(sentence)
  })
})
