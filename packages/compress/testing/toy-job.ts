import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors } from '@tersor/formats'
import { type ModelFile, openModel } from '@tersor/models'
import { randomModel, smallJson, storedWeights } from '@tersor/models/testing'
import { createJob, type JobSettings } from '../src/job/create-job.ts'
import type { Recipe } from '../src/recipe.ts'
import { toyMethods } from './toy-methods.ts'

/** Methods of three kinds: data-free, calibrated, and one that improves on another. */
export const toyRecipe: Recipe = {
  name: 'three kinds',
  rules: [
    { match: '*embed*', use: [{ method: 'half' }] },
    ...['*.gate', '*.up', '*.down'].map(match => ({
      match,
      use: [{ method: 'energy' }, { method: 'towards' }],
    })),
    { match: '*', use: [{ method: 'bytes', noise: 0.5 }] },
  ],
}

export const toyWindows = [3, 5].map(step => Int32Array.from({ length: 20 }, (_, i) => (i * step) % 24))

/** A folder with a small random model, its configuration and a tokenizer. */
export async function writeToyModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(storedWeights(randomModel())))
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...smallJson, bos_token_id: 1 }))
  await writeFile(join(folder, 'tokenizer.json'), '{}')
}

/** The job of {@link toyRecipe} on a model of {@link writeToyModel}. */
export function toyJob(source: ModelFile, target: string, settings: Partial<JobSettings> = {}) {
  return createJob({
    ...{ source, target, recipe: toyRecipe, methods: toyMethods, calibration: toyWindows },
    ...settings,
  })
}

/** Runs the job of {@link toyRecipe} from a folder to a file. */
export async function runToyJob(folder: string, target: string): Promise<void> {
  const source = await openModel(folder)
  try {
    await toyJob(source, target).run()
  } finally {
    await source.close()
  }
}
