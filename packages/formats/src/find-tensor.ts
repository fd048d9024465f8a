import { FormatError } from '@tersor/core-tensor'
import { quoted } from './quoted.ts'

/** The entry of a name, or an error that names a few of those that exist. */
export function findTensor<Info>(tensors: ReadonlyMap<string, Info>, name: string, where: string): Info {
  const found = tensors.get(name)
  if (found !== undefined) return found
  const some = [...tensors.keys()].slice(0, 3).map(quoted).join(', ')
  throw new FormatError(
    `[${where}] expected one of ${tensors.size} tensors${some === '' ? '' : ` such as ${some}`}, got ${quoted(name)}`,
  )
}
