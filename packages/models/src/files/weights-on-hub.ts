import { type HubPlace, hubUrl, listHubFiles, type SourceOptions } from '@tersor/formats'
import { readTextIfThere } from './model-files.ts'
import { chooseWeights } from './pick-weights.ts'

/**
 * The file of weights in a repository, or in a folder of one.
 *
 * @throws {HttpStatusError} when there is no such repository, or no right to it
 * @throws {FormatError} when it has several models, or none
 */
export async function weightsOnHub(place: HubPlace, options: SourceOptions): Promise<URL> {
  const { repository, revision, path, base } = place
  const name = `hf:${repository}${revision === 'main' ? '' : `@${revision}`}`
  const files = await listHubFiles({ ...place, path: '' }, { ...options, deep: true })
  const urlOf = (file: string) => hubUrl(`${name}/${file}`, base)
  const picked = await chooseWeights(
    files.map(file => file.path),
    { folder: path, name },
    file => readTextIfThere(urlOf(file), options),
  )
  return urlOf(picked)
}
