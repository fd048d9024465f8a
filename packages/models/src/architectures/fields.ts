import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { MAX_DIMENSION } from '../decoder/bounds.ts'

/**
 * The keys of a configuration, noted as they are read. What a family does not read and is not known to be harmless is
 * refused by name, since a key that is not understood may change every number.
 */
export class Fields {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #read = new Set<string>()
  /** Where they stand, for errors: `config.json`. */
  readonly where: string

  constructor(values: ReadonlyMap<string, unknown>, where: string) {
    this.#values = values
    this.where = where
  }

  /** Whether a key is there, be it with null. */
  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** A value as it stands there; undefined where the key is missing. The first of several names that is there counts. */
  value(...keys: readonly string[]): unknown {
    const found = keys.find(key => this.#values.has(key))
    if (found === undefined) return undefined
    this.#read.add(found)
    return this.#values.get(found)
  }

  /**
   * A number; null counts as missing.
   *
   * @param missing  what the reference takes where the key is missing; without it the key is required
   * @throws {FormatError} when it is not a number, or required and missing
   */
  number(key: string | readonly string[], missing?: number): number {
    const keys = typeof key === 'string' ? [key] : key
    const value = this.value(...keys) ?? missing
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw this.unexpected(keys.join("' or '"), 'a number', value)
  }

  /**
   * A whole number of things that there are, at least one of them. Sizes are read with it before anything is made of them.
   *
   * @param most  a bound that no model reaches
   */
  count(key: string | readonly string[], missing?: number, most = MAX_DIMENSION): number {
    const value = this.number(key, missing)
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    throw this.unexpected(
      typeof key === 'string' ? key : key.join("' or '"),
      `a whole number from 1 to ${most} as`,
      value,
    )
  }

  /** A count that may be left out, or be null. */
  optionalCount(key: string, most = MAX_DIMENSION): number | undefined {
    return this.optional(key) === undefined ? undefined : this.count(key, undefined, most)
  }

  /** A number above 0. */
  positive(key: string | readonly string[], missing?: number, most = Number.MAX_VALUE): number {
    const value = this.number(key, missing)
    if (value > 0 && value <= most) return value
    const range = most === Number.MAX_VALUE ? '' : ` up to ${most}`
    throw this.unexpected(
      typeof key === 'string' ? key : key.join("' or '"),
      `a number above 0${range} as`,
      value,
    )
  }

  /** A number that may be left out, or be null. */
  optional(...keys: readonly string[]): number | undefined {
    const value = this.value(...keys)
    return value === undefined || value === null ? undefined : this.number(keys)
  }

  flag(key: string, missing: boolean): boolean {
    const value = this.value(key) ?? missing
    if (typeof value === 'boolean') return value
    throw this.unexpected(key, 'true or false', value)
  }

  /** A flag that may be left out, or be null. */
  optionalFlag(key: string): boolean | undefined {
    return (this.value(key) ?? undefined) === undefined ? undefined : this.flag(key, false)
  }

  text(key: string | readonly string[], missing?: string): string {
    const keys = typeof key === 'string' ? [key] : key
    const value = this.value(...keys) ?? missing
    if (typeof value === 'string') return value
    throw this.unexpected(keys.join("' or '"), 'text', value)
  }

  /** One of some words. */
  choice<const T extends string>(key: string, words: readonly T[]): T {
    const value = this.value(key)
    const found = words.find(word => word === value)
    if (found !== undefined) return found
    throw this.unexpected(key, `one of ${words.join(', ')} as`, value)
  }

  /** A list; undefined where it is missing or null. */
  list(key: string): readonly unknown[] | undefined {
    const value = this.value(key) ?? undefined
    if (value === undefined || Array.isArray(value)) return value
    if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>)
    throw this.unexpected(key, 'a list', value)
  }

  /** A list of numbers, as many as said. */
  numbers(key: string, length: number): readonly number[] | undefined {
    const list = this.list(key)
    if (list === undefined) return undefined
    if (list.length === length && list.every(each => typeof each === 'number' && Number.isFinite(each)))
      return list as number[]
    throw this.unexpected(key, `a list of ${length} numbers`, list)
  }

  /** A group of keys with fields of their own; undefined where it is missing or null. */
  group(key: string): Fields | undefined {
    const value = this.value(key) ?? undefined
    if (value === undefined) return undefined
    if (typeof value !== 'object' || Array.isArray(value)) throw this.unexpected(key, 'an object', value)
    return new Fields(new Map(Object.entries(value as object)), `${this.where}, ${key}`)
  }

  /** A group that has to be there. */
  requiredGroup(key: string): Fields {
    const group = this.group(key)
    if (group === undefined) throw this.unexpected(key, 'an object', undefined)
    return group
  }

  /** A list of groups that has to be there. */
  groups(key: string): readonly Fields[] {
    const list = this.list(key)
    if (list === undefined) throw this.unexpected(key, 'a list', undefined)
    const each = new Fields(
      new Map(Array.from(list, (value, i) => [String(i), value])),
      `${this.where}, ${key}`,
    )
    return Array.from(list, (_, i) => each.requiredGroup(String(i)))
  }

  /**
   * Notes a key that changes numbers, but not with one of these values.
   *
   * @throws {UnsupportedError} when it has another
   */
  only(key: string, ...values: readonly unknown[]): void {
    const value = this.value(key)
    if (value === undefined || values.some(each => isSame(each, value))) return
    throw new UnsupportedError(
      `[models/config] expected ${key} to be ${values.map(each => JSON.stringify(each)).join(' or ')} in ${this.where}, got ${shown(value)}; models with another are not read`,
    )
  }

  /** Notes keys whatever their values, as they say what is known otherwise. */
  skip(...keys: readonly string[]): void {
    for (const key of keys) this.value(key)
  }

  /**
   * Throws for a key that nobody read.
   *
   * @param isHarmless  of keys that never change what a forward pass gives
   * @throws {UnsupportedError} naming every such key
   */
  refuseUnread(isHarmless: (key: string) => boolean = () => false): void {
    const unread = [...this.#values.keys()].filter(key => !this.#read.has(key) && !isHarmless(key))
    if (unread.length === 0) return
    throw new UnsupportedError(
      `[models/config] expected keys that this family has in ${this.where}, got ${listed(unread)}, which may change what the model computes; remove what does not matter`,
    )
  }

  unexpected(key: string, what: string, value: unknown): FormatError {
    return new FormatError(`[models/config] expected ${what} '${key}' in ${this.where}, got ${shown(value)}`)
  }
}

function listed(keys: readonly string[]): string {
  const more = keys.length > PARTS ? ` and ${keys.length - PARTS} more` : ''
  return `${keys.slice(0, PARTS).map(shown).join(', ')}${more}`
}

/** The same word, number, flag or nothing, or two empty lists. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || [a, b].every(each => Array.isArray(each) && each.length === 0)
}

/** How many characters, and how many parts, of a value an error says. */
const [SHOWN, PARTS] = [80, 8]

/** A value for an error, however large or deep it is. */
export function shown(value: unknown): string {
  return shownWithin(value, 2).slice(0, SHOWN)
}

function shownWithin(value: unknown, depth: number): string {
  if (typeof value === 'string') return `'${value.slice(0, SHOWN)}'`
  if (typeof value !== 'object' || value === null) return value === undefined ? 'none' : String(value)
  const isList = Array.isArray(value) || ArrayBuffer.isView(value)
  if (depth === 0) return isList ? '[…]' : '{…}'
  if (isList) {
    const list = value as ArrayLike<unknown>
    const parts = Array.from({ length: Math.min(list.length, PARTS) }, (_, i) =>
      shownWithin(list[i], depth - 1),
    )
    return `[${parts.join()}${list.length > PARTS ? ',…' : ''}]`
  }
  const parts = Object.entries(value)
    .slice(0, PARTS)
    .map(([key, each]) => `${key}:${shownWithin(each, depth - 1)}`)
  return `{${parts.join()}}`
}
