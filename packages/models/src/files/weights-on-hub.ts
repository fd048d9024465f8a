import { type HubPlace, hubUrl, listHubFiles, type SourceOptions } from '@tersor/formats'
import { pickWeights } from './pick-weights.ts'

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
  const picked = pickWeights(
    files.map(file => file.path),
    path,
    name,
  )
  return hubUrl(`${name}/${picked}`, base)
}
