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

/**
 * The flags of methods: one for every option, and one for the same option of several. Where the command has a flag of that name
 * itself, the method's is put in front.
 */
export class MethodFlags {
  readonly #known: readonly WeightMethod[]
  readonly #taken: readonly string[]

  /**
   * @param known  all methods
   * @param taken  the flags that the command has itself
   */
  constructor(known: readonly WeightMethod[], taken: readonly string[]) {
    this.#known = known
    this.#taken = taken
  }

  /** Where two methods have a flag of the same name, the last one's type counts. */
  table(methods: readonly WeightMethod[]): FlagTable {
    return Object.fromEntries(
      methods.flatMap(method =>
        Object.entries(method.options).map(([name, option]) => [this.#flag(method, name), flagOf(option)]),
      ),
    )
  }

  /**
   * The steps of a recipe that a command line describes: every option goes to each of the methods that has it.
   *
   * @param chosen  the methods, in turn
   * @throws {UsageError} for a flag that none of the chosen methods has, or a value that its option does not take
   */
  steps(chosen: readonly WeightMethod[], values: Given): Step[] {
    const here = this.table(chosen)
    for (const flag of Object.keys(this.table(this.#known))) {
      if (values[flag] === undefined || flag in here) continue
      const owners = this.#known.filter(method => flag in this.table([method])).map(({ name }) => name)
      const what = chosen.length === 0 ? 'the command itself' : chosen.map(({ name }) => name).join(' or ')
      throw new UsageError(`expected an option of ${what}, got --${flag}, which ${listed(owners)}`)
    }
    return chosen.map(method => {
      const given: Record<string, Json> = {}
      for (const [name, option] of Object.entries(method.options)) {
        const flag = this.#flag(method, name)
        const value = values[flag]
        if (value !== undefined) given[name] = optionValue(option, value, flag)
      }
      requireOptions(method, given)
      return { method: method.name, ...given }
    })
  }

  /** What `--help` says of methods: each with its options where they were asked for by name, else one line each. */
  help(methods: readonly WeightMethod[], inFull: boolean): string {
    if (!inFull) return columns(methods.map(({ name, summary }) => [name, summary]))
    return methods
      .map(method => `${method.name}: ${method.summary}\n${flagLines(Object.entries(this.table([method])))}`)
      .join('\n')
  }

  /** `groupSize` as a flag: `group-size`. */
  #flag({ name }: WeightMethod, option: string): string {
    const flag = option.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
    return this.#taken.includes(flag) ? `${name}-${flag}` : flag
  }
}

function flagOf(option: Option): Flag {
  const when = option.when === undefined ? '' : ` (with --${option.when.join(' ')})`
  if (option.is === 'flag') {
    return { type: 'boolean', help: `${option.help}; ${option.default ? 'on' : 'off'} by default${when}` }
  }
  const fallback = option.default === undefined ? '' : `; ${option.default} by default`
  return {
    type: 'string',
    value: option.is === 'choice' ? 'WORD' : 'N',
    help: `${option.help}: ${describeOption(option).replaceAll("'", '')}${fallback}${when}`,
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
function requireOptions({ name, options }: WeightMethod, given: object): void {
  try {
    optionsOf<object>(options, given, name)
  } catch (error) {
    throw new UsageError(
      `${name}: ${(error as Error).message.replace(/^\[.*?\] /, '')}; see --method ${name} --help`,
    )
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 1) return `${names[0]} has`
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)} have`
}
