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
  /** A hash of what calibrated methods saw: windows, and the device that the model ran on, or statistics. */
  readonly calibration?: { readonly sha256: string; readonly device?: string }
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
  const manifest = manifestIn(text)
  if (manifest !== undefined) return manifest
  throw new FormatError(`[compress/manifest] expected a manifest of version 1 in ${where}, got other text`)
}

/** A manifest out of its JSON, or undefined for other text. */
export function manifestIn(text: string): Manifest | undefined {
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
    return whole ? (value as Manifest) : undefined
  } catch {
    return undefined
  }
}
