import type { Step } from '@tersor/compress'
import {
  describeOption,
  type Json,
  nearestName,
  type Option,
  optionsOf,
  type WeightMethod,
} from '@tersor/core-tensor'
import type { Flag, FlagTable } from './flag.ts'
import { columns, flagLines } from './help-text.ts'
import { UsageError } from './usage-error.ts'

type Given = Readonly<Record<string, string | boolean | undefined>>

/**
 * The methods that `--method` names, in turn.
 *
 * @throws {UsageError} for one that is not known, saying what was probably meant; and for one that improves what another
 *   gave, where there is none
 */
export function methodsNamed(list: string, known: readonly WeightMethod[]): WeightMethod[] {
  const names = known.map(({ name }) => name)
  const found = list.split(',').map(name => {
    const method = known.find(candidate => candidate.name === name)
    if (method !== undefined) return method
    const meant = nearestName(name, names)
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`
    throw new UsageError(`expected --method to name some of ${names.join(', ')}, got '${name}'${hint}`)
  })
  const [first] = found
  if (first?.needs.includes('start')) {
    throw new UsageError(
      `expected a method before ${first.name}, which improves what another one gave: --method NAME,${first.name}`,
    )
  }
  return found
}

/** A flag for every option of some methods; where two have one of the same name, the last one's type counts. */
export function methodFlags(methods: readonly WeightMethod[]): FlagTable {
  return Object.fromEntries(
    methods.flatMap(({ options }) =>
      Object.entries(options).map(([name, option]) => [flagName(name), flagOf(option)]),
    ),
  )
}

/**
 * The steps of a recipe that a command line describes: every option goes to each of the methods that has it.
 *
 * @param chosen  the methods, in turn
 * @param known  all methods, whose flags may be among `values`
 * @throws {UsageError} for a flag that none of the chosen methods has, or a value that its option does not take
 */
export function stepsFrom(
  chosen: readonly WeightMethod[],
  known: readonly WeightMethod[],
  values: Given,
): Step[] {
  for (const flag of Object.keys(methodFlags(known))) {
    if (values[flag] === undefined || chosen.some(method => flag in methodFlags([method]))) continue
    const owners = known.filter(method => flag in methodFlags([method])).map(({ name }) => name)
    throw new UsageError(
      `expected an option of ${chosen.map(({ name }) => name).join(' or ')}, got --${flag}, which ${listed(owners)}`,
    )
  }
  return chosen.map(({ name: method, options }) => {
    const given: Record<string, Json> = {}
    for (const [name, option] of Object.entries(options)) {
      const value = values[flagName(name)]
      if (value !== undefined) given[name] = optionValue(option, value, flagName(name))
    }
    requireOptions(method, options, given)
    return { method, ...given }
  })
}

/** What `--help` says of methods: each with its options where they were asked for by name, else one line each. */
export function methodHelp(methods: readonly WeightMethod[], inFull: boolean): string {
  if (!inFull) return columns(methods.map(({ name, summary }) => [name, summary]))
  return methods
    .map(({ name, summary, options }) => {
      const flags = Object.entries(options).map(([option, row]) => [flagName(option), flagOf(row)] as const)
      return `${name}: ${summary}\n${flagLines(flags)}`
    })
    .join('\n')
}

/** `groupSize` as a flag: `group-size`. */
function flagName(option: string): string {
  return option.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

function flagOf(option: Option): Flag {
  if (option.is === 'flag') {
    return { type: 'boolean', help: `${option.help}; ${option.default ? 'on' : 'off'} by default` }
  }
  const fallback = option.default === undefined ? '' : `; ${option.default} by default`
  return {
    type: 'string',
    value: option.is === 'choice' ? 'WORD' : 'N',
    help: `${option.help}: ${describeOption(option).replaceAll("'", '')}${fallback}`,
  }
}

function optionValue(option: Option, text: string | boolean, flag: string): Json {
  const value = typeof text === 'boolean' ? text : parsed(option, text)
  try {
    optionsOf({ value: { ...option, when: undefined } as unknown as Option }, { value }, 'cli')
  } catch {
    throw new UsageError(`expected --${flag} to be ${describeOption(option)}, got '${text}'`)
  }
  return value
}

/** The value that a text stands for; words in whatever case, with or without hyphens. */
function parsed(option: Option, text: string): string | number {
  const words = option.is === 'choice' ? option.of : option.is === 'whole' ? (option.words ?? []) : []
  const plain = (word: string) => word.replaceAll('-', '').toLowerCase()
  const word =
    words.find(candidate => candidate === text) ?? words.find(other => plain(other) === plain(text))
  if (word !== undefined) return word
  return option.is !== 'choice' && text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

/** What a method says of its options together: one that is missing, or that another one rules out. */
function requireOptions(method: string, options: WeightMethod['options'], given: object): void {
  try {
    optionsOf<object>(options, given, method)
  } catch (error) {
    throw new UsageError(
      `${method}: ${(error as Error).message.replace(/^\[.*?\] /, '')}; see --method ${method} --help`,
    )
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 1) return `${names[0]} has`
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} have`
}
