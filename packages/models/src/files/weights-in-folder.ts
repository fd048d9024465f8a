import { FormatError } from '@tersor/core-tensor'
import { hubPlace, type SourceOptions } from '@tersor/formats'
import { filesIn, inFolder, type Place, placeText, readTextIfThere, whyNotThere } from './model-files.ts'
import { chooseWeights } from './pick-weights.ts'
import { weightsOnHub } from './weights-on-hub.ts'

/**
 * The file of weights in a folder, on disk, on the Hub or on another server.
 *
 * @throws {FormatError} when there is none, or more than one that could be meant
 */
export async function weightsInFolder(folder: Place, options: SourceOptions): Promise<Place> {
  if (!(folder instanceof URL)) return weightsOnDisk(folder)
  const onHub = hubPlace(folder, options)
  return onHub === undefined ? weightsOnServer(folder, options) : weightsOnHub(onHub, options)
}

async function weightsOnDisk(folder: string): Promise<Place> {
  const names = [...(await filesIn(folder))].sort()
  const read = (name: string) => readTextIfThere(inFolder(folder, name))
  return inFolder(folder, await chooseWeights(names, { folder: '', name: folder }, read))
}

/** A server does not list what is in a folder. */
async function weightsOnServer(folder: URL, options: SourceOptions): Promise<Place> {
  const reasons: string[] = []
  for (const name of ['model.safetensors.index.json', 'model.safetensors']) {
    const inside = inFolder(folder, name)
    const reason = await whyNotThere(inside, options)
    if (reason === undefined) return inside
    reasons.push(reason)
  }
  const refused = reasons.some(reason => /40[13]$/.test(reason))
  const advice = refused ? '; pass `headers` with a token that has the right to it' : ''
  throw new FormatError(
    `[models/open-model] expected model.safetensors.index.json or model.safetensors in ${placeText(folder)}, got ${reasons.join(' and ')}${advice}`,
  )
}
