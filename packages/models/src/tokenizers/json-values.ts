import { FormatError } from '@tersor/core-tensor'

/** An object of a JSON file, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = own(parent, key)
  if (isObject(value)) return value
  throw mistaken('an object', key, value)
}

export function listAt(parent: JsonObject, key: string): readonly unknown[] {
  const value = own(parent, key)
  if (Array.isArray(value)) return value
  throw mistaken('a list', key, value)
}

export function textAt(parent: JsonObject, key: string, missing?: string): string {
  const value = own(parent, key) ?? missing
  if (typeof value === 'string') return value
  throw mistaken('text', key, value)
}

export function flagAt(parent: JsonObject, key: string, missing: boolean): boolean {
  const value = own(parent, key) ?? missing
  if (typeof value === 'boolean') return value
  throw mistaken('true or false', key, value)
}

/** A number from 0 on. */
export function countAt(parent: JsonObject, key: string, missing?: number): number {
  const value = own(parent, key) ?? missing
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw mistaken('a number from 0 on', key, value)
}

/** Undefined for what is missing or null. */
export function own(parent: JsonObject, key: string): unknown {
  return Object.hasOwn(parent, key) ? (parent[key] ?? undefined) : undefined
}

function mistaken(expected: string, key: string, got: unknown): FormatError {
  const shown = got === undefined ? 'nothing' : JSON.stringify(got).slice(0, 60)
  return new FormatError(`[models/tokenizer] expected ${expected} in '${key.slice(0, 60)}', got ${shown}`)
}
