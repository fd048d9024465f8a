import { FormatError } from '@tersor/core-tensor'
import type { Recipe } from '../recipe.ts'
import type { TensorOutcome } from './outcome.ts'

/** The key of the manifest in the metadata of a model. */
export const MANIFEST_KEY = 'tersor.manifest'

/** How a model was made, inside its file and beside it: the same source, recipe and versions give the same bytes again. */
export interface Manifest {
  readonly version: 1
  /** Of the job: a hash of all that decides bytes. */
  readonly id: string
  readonly recipe: Recipe
  /** The versions of the methods and stages that the recipe names. */
  readonly methods: Readonly<Record<string, number>>
  readonly seed: number
  /** A hash of the calibration windows or statistics, where there were any. */
  readonly calibration?: string
  readonly tensors: readonly TensorOutcome[]
  /** Of the file; only beside it, since a file cannot hold its own hash. */
  readonly file?: { readonly bytes: number; readonly sha256: string }
}

/**
 * A manifest out of its JSON.
 *
 * @throws {FormatError} when it is none
 */
export function parseManifest(text: string, where: string): Manifest {
  try {
    const value = JSON.parse(text) as Partial<Manifest> | null
    const tensors = value?.tensors
    const whole =
      value?.version === 1 &&
      typeof value.id === 'string' &&
      Array.isArray(tensors) &&
      tensors.every(
        tensor => typeof tensor?.name === 'string' && typeof tensor.sha256 === 'string' && 'bytes' in tensor,
      )
    if (whole) return value as Manifest
  } catch {
    // Told below.
  }
  throw new FormatError(`[compress/manifest] expected a manifest of version 1 in ${where}, got other text`)
}
