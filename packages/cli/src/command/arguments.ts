import { parseArgs } from 'node:util'
import { nearestName } from '@tersor/core-tensor'
import { commonFlags, type FlagTable, type Values } from './flag.ts'
import { UsageError } from './usage-error.ts'

/** A command line, taken apart. */
export interface Parsed<F extends FlagTable> {
  readonly values: Values<F & typeof commonFlags>
  readonly positionals: readonly string[]
}

/**
 * Parses the arguments of a command. A flag of several words may be cut short after one of them, where only one begins so:
 * `--group` for `--group-size`.
 *
 * @throws {UsageError} for what it does not know, saying what was probably meant
 */
export function parseArguments<const F extends FlagTable>(args: readonly string[], flags: F): Parsed<F> {
  const options = { ...flags, ...commonFlags }
  const names = Object.keys(options)
  const whole = args.map((arg, i) => (args.slice(0, i).includes('--') ? arg : inFull(arg, names)))
  try {
    const parsed = parseArgs({ args: whole, options, allowPositionals: true, allowNegative: true })
    return { values: parsed.values as Parsed<F>['values'], positionals: parsed.positionals }
  } catch (error) {
    throw new UsageError(inOurWords((error as Error).message))
  }
}

/** What Node says of a value that is missing, or too much. */
function inOurWords(message: string): string {
  const [, flag = 'an option'] = /(--?[\w-]+)( <value>)?'/.exec(message) ?? []
  if (/missing|ambiguous/.test(message)) return `expected a value after ${flag}`
  return /does not take/.test(message)
    ? `expected ${flag} without a value`
    : `expected an option of this command, got '${flag}'`
}

/** A flag as the table has it; everything else as it is. */
function inFull(arg: string, names: readonly string[]): string {
  const [, name, rest = ''] = /^--([^=]+)(=.*)?$/s.exec(arg) ?? []
  if (name === undefined || names.includes(name) || names.includes(name.replace(/^no-/, ''))) return arg
  const begun = names.filter(candidate => candidate.startsWith(`${name}-`))
  if (begun.length === 1) return `--${begun[0]}${rest}`
  const meant = begun.length > 1 ? begun : [nearestName(name, names) ?? []].flat()
  const hint = meant.length === 0 ? '' : `; did you mean ${meant.map(flag => `--${flag}`).join(' or ')}?`
  throw new UsageError(`expected an option of this command, got '--${name}'${hint}`)
}

/** The value of a flag, before anything is parsed; of several the last one counts. */
export function valueAfter(args: readonly string[], flag: string): string | undefined {
  const values = args.flatMap((arg, i) => {
    if (arg.startsWith(`--${flag}=`)) return [arg.slice(flag.length + 3)]
    const next = args[i + 1]
    return arg === `--${flag}` && next !== undefined && !next.startsWith('-') ? [next] : []
  })
  return values.at(-1)
}

/** The one argument that a command needs. */
export function onlyPositional(positionals: readonly string[], what: string): string {
  const [first, ...more] = positionals
  if (first === undefined) throw new UsageError(`expected ${what}`)
  if (more.length > 0) throw new UsageError(`expected one ${what}, got also '${more.join(' ')}'`)
  return first
}

/** A whole number in a range. */
export function wholeNumber(text: string, name: string, low: number, high: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw new UsageError(`expected --${name} to be a whole number from ${low} to ${high}, got '${text}'`)
  return value
}

/** A number in a range. */
export function numberFrom(text: string, name: string, low: number, high: number): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high))
    throw new UsageError(`expected --${name} to be a number from ${low} to ${high}, got '${text}'`)
  return value
}

/** One of some words. */
export function oneOf<const T extends string>(text: string, name: string, choices: readonly T[]): T {
  const choice = choices.find(candidate => candidate === text)
  if (choice !== undefined) return choice
  throw new UsageError(
    `expected --${name} to be one of ${choices.join(', ')}, got '${text}'${didYouMean(text, choices)}`,
  )
}

/** A hint at what was probably meant, or nothing. */
export function didYouMean(text: string, choices: readonly string[]): string {
  const meant = nearestName(text, choices)
  return meant === undefined ? '' : `; did you mean ${meant}?`
}
