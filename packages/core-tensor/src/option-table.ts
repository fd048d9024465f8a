import { ShapeError } from './errors.ts'
import type { JobOptions } from './job.ts'

/**
 * One option of a method: what it may be, its default and one line of help. Its check, its flag of the command line and its row
 * in a README are made of it. An option without a default has to be given.
 */
export type Option = {
  readonly help: string
  /** Only where another option has this value: elsewhere it is refused, and has no default. */
  readonly when?: readonly [option: string, value: string]
} & (
  | {
      /** A whole number; where there are `words`, or one of them. */
      readonly is: 'whole'
      readonly min: number
      readonly max?: number
      readonly words?: readonly string[]
      readonly default?: number | string
    }
  | {
      readonly is: 'number'
      readonly min: number
      readonly max: number
      readonly default?: number
    }
  | { readonly is: 'flag'; readonly default?: boolean }
  | { readonly is: 'choice'; readonly of: readonly string[]; readonly default?: string }
)

/** What every function takes beside the options of its method. */
type Beside = keyof JobOptions | 'name'

/** An option for everything that `O` has, but for how a job is watched and what errors call it. */
export type OptionTable<O extends object = object> = {
  readonly [K in Exclude<keyof O, Beside>]-?: Option
}

/** The options of a table with every default filled in. */
export type Filled<O extends object> = {
  readonly [K in Exclude<keyof O, Beside>]-?: Exclude<O[K], undefined>
}

const beside: readonly string[] = ['signal', 'onProgress', 'name'] satisfies readonly Beside[]

/**
 * Checks options against a table and fills in the defaults.
 *
 * @param given  as the caller wrote them, from a program or from JSON; what is `undefined` takes its default
 * @param where  the prefix of errors
 * @throws {ShapeError} for an option that the table does not have, one that is missing, of another type, or out of bounds
 * @example
 * const bits = { is: 'whole', min: 2, max: 8, default: 4, help: 'bits a code' } as const
 * const { bits: filled } = optionsOf<{ bits?: number }>({ bits }, {}, 'quantize/rtn')
 * filled // => 4
 */
export function optionsOf<O extends object>(table: OptionTable<O>, given: object, where: string): Filled<O> {
  const options = table as Readonly<Record<string, Option>>
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(options, name) && !beside.includes(name)) throw unknownOption(options, name, where)
  }
  const value = (name: string) => (given as Record<string, unknown>)[name] ?? options[name]?.default
  const filled = Object.entries(options).flatMap(([name, option]) => {
    if (option.when !== undefined && value(option.when[0]) !== option.when[1]) {
      if ((given as Record<string, unknown>)[name] === undefined) return []
      const [other, needed] = option.when
      throw new ShapeError(
        `[${where}] expected ${name} with ${other} '${needed}' only, got ${other} ${shown(value(other))}; leave ${name} out`,
      )
    }
    if (!accepts(option, value(name))) {
      throw new ShapeError(
        `[${where}] expected ${name} to be ${describeOption(option)}, got ${shown(value(name))}`,
      )
    }
    return [[name, value(name)]]
  })
  return Object.fromEntries(filled) as Filled<O>
}

/**
 * What an option may be, in words: `a whole number from 2 to 8`.
 *
 * @example
 * describeOption({ is: 'whole', min: 2, max: 8, help: 'bits a code' }) // => 'a whole number from 2 to 8'
 */
export function describeOption(option: Option): string {
  switch (option.is) {
    case 'whole': {
      const words = (option.words ?? []).map(word => `, or '${word}'`).join('')
      const range =
        option.max === undefined ? `of at least ${option.min}` : `from ${option.min} to ${option.max}`
      return `a whole number ${range}${words}`
    }
    case 'number':
      return `a number from ${option.min} to ${option.max}`
    case 'flag':
      return 'true or false'
    case 'choice':
      return `one of ${option.of.map(word => `'${word}'`).join(', ')}`
  }
}

/**
 * The name that somebody most likely meant: of those within two edits, the nearest.
 *
 * @example
 * nearestName('group', ['bits', 'groupSize']) // => 'groupSize'
 * nearestName('zeros', ['bits', 'zero']) // => 'zero'
 * nearestName('colour', ['bits', 'zero']) // => undefined
 */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const [asked, longer] = [
    name.toLowerCase(),
    (other: string) => other.toLowerCase().startsWith(name.toLowerCase()),
  ]
  const near = names
    .map(candidate => ({ candidate, distance: editDistance(asked, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= 2 && distance < candidate.length)
    .sort((a, b) => a.distance - b.distance)[0]?.candidate
  return near ?? (name.length > 2 ? names.find(longer) : undefined)
}

function unknownOption(options: Readonly<Record<string, Option>>, name: string, where: string): ShapeError {
  const names = Object.keys(options)
  const meant = nearestName(name, names)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return new ShapeError(`[${where}] expected options among ${names.join(', ') || 'none'}, got ${name}${hint}`)
}

function accepts(option: Option, value: unknown): boolean {
  switch (option.is) {
    case 'whole':
      if (typeof value === 'string') return option.words?.includes(value) ?? false
      return Number.isSafeInteger(value) && inRange(value as number, option)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && inRange(value, option)
    case 'flag':
      return typeof value === 'boolean'
    case 'choice':
      return typeof value === 'string' && option.of.includes(value)
  }
}

function inRange(value: number, { min, max = Infinity }: { min: number; max?: number }): boolean {
  return value >= min && value <= max
}

function shown(value: unknown): string {
  if (value === undefined) return 'none'
  return typeof value === 'string' ? `'${value}'` : String(value)
}

/** Insertions, deletions and replacements between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
