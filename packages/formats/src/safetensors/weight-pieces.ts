import { encodedTrees, storedTrees, tensorsIn } from '../encoded/encoded-tree.ts'
import { findTensor } from '../find-tensor.ts'
import type { ReadOptions } from '../weight-file.ts'
import { Contents } from './contents.ts'
import type { SafetensorsFile, SafetensorsInfo } from './open-safetensors.ts'

/** Data are read in pieces of about this size: as many rows as it holds, and at least one. */
const PIECE_BYTES = 2 ** 22

/**
 * The bytes of the safetensors file that holds one weight of a file alone, as `encodeSafetensors` makes it: for hashing a weight of
 * any size, a few megabytes of it in memory at a time. Numbers are not looked at, so that dtypes that `read` refuses pass.
 *
 * @throws {FormatError} when the file has no weight of that name
 * @example
 * const w = new Tensor('float32', [1, 2], [2])
 * const file = await openSafetensors(encodeSafetensors([['v', w], ['w', w]]))
 * const pieces: number[] = []
 * for await (const piece of weightPieces(file, 'w')) pieces.push(piece.byteLength)
 * pieces // => [64, 8]
 */
export async function* weightPieces(
  file: SafetensorsFile,
  name: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void> {
  const tree = encodedTrees(file).get(name)
  const names = tree === undefined ? [name] : [...tensorsIn(tree)]
  const infos = names.map(
    tensor => [tensor, findTensor(file.tensors, tensor, 'formats/safetensors')] as const,
  )
  const stored = new Map(infos.map(([tensor, info]) => [tensor, { name: tensor, ...info }]))
  const contents = new Contents<never>()
  contents.addFile(stored, tree === undefined ? {} : { [name]: storedTrees(file.metadata)[name]! })
  yield contents.header({})
  for (const { name: tensor } of contents.inOrder()) {
    const info = stored.get(tensor)!
    for (const rows of rowsOf(info)) yield file.readBytes(tensor, { rows, flat: true, signal })
  }
}

/** The rows of each piece; of what has none, such as a scalar, all in one. */
function* rowsOf({ dims, byteLength }: SafetensorsInfo): Generator<ReadOptions['rows'], void> {
  const count = dims.slice(0, Math.max(1, dims.length - 1)).reduce((product, dim) => product * dim, 1)
  if (dims.length === 0 || byteLength <= PIECE_BYTES || count === 0) return yield undefined
  const step = Math.max(1, Math.floor(PIECE_BYTES / (byteLength / count)))
  for (let start = 0; start < count; start += step) yield [start, Math.min(count, start + step)] as const
}
