import { ShapeError } from '../errors.ts'

/** Throws a {@link ShapeError} unless a kernel was given one of some words. */
export function requireOneOf(where: string, what: string, given: unknown, words: readonly string[]): void {
  if (!words.includes(given as string))
    throw new ShapeError(`[${where}] expected ${what} ${words.join(', ')}, got ${given}`)
}

/** Throws a {@link ShapeError} unless a kernel was given a finite number, which a missing option is not. */
export function requireNumber(where: string, what: string, given: unknown): void {
  if (!Number.isFinite(given))
    throw new ShapeError(`[${where}] expected ${what}, a finite number, got ${given}`)
}
