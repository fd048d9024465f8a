import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>

/** Parses the arguments of a command; what it does not know is a {@link UsageError}. */
export function parseArguments<const O extends Options>(args: readonly string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true }) as Parsed<O>
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
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

/** One of some words. */
export function oneOf<const T extends string>(text: string, name: string, choices: readonly T[]): T {
  const choice = choices.find(candidate => candidate === text)
  if (choice === undefined)
    throw new UsageError(`expected --${name} to be one of ${choices.join(', ')}, got '${text}'`)
  return choice
}
