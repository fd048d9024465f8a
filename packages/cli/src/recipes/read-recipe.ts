import type { Recipe } from '@tersor/compress'
import { FormatError } from '@tersor/core-tensor'
import { readTextFile } from '../text-file.ts'

/**
 * A recipe out of a JSON file; what is in it, the job checks.
 *
 * @throws {FormatError} when the file is no JSON
 */
export async function readRecipe(path: string): Promise<Recipe> {
  const text = await readTextFile(path)
  try {
    return JSON.parse(text) as Recipe
  } catch (error) {
    throw new FormatError(`[cli/recipe] expected JSON in ${path}, got: ${(error as Error).message}`)
  }
}
