import { ShapeError } from '../errors.ts'
import { isWhole } from '../tensor/dims.ts'

/** Throws a {@link ShapeError} unless options are whole numbers ≥ 0. */
export function requireWhole(where: string, options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!isWhole(value)) throw new ShapeError(`[${where}] expected a whole ${name} ≥ 0, got ${value}`)
  }
}

/** Throws a {@link ShapeError} unless an option is a finite number ≥ 0. */
export function requireWeight(where: string, name: string, value: number): void {
  if (!(value >= 0 && value < Infinity)) {
    throw new ShapeError(`[${where}] expected a finite ${name} ≥ 0, got ${value}`)
  }
}
