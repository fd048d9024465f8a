import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { sentencePieceTokenizer } from './sentence-piece-tokenizer.ts'

/** No piece of a real vocabulary is longer; a bound for files from strangers. */
const MAX_PIECE_BYTES = 1 << 16

/**
 * The tokenizer in a llama2.c `tokenizer.bin`: int32 longest piece, then for each token a float32
 * score, an int32 length and that many bytes, to the end of the file.
 *
 * @param bytes  the whole file
 * @throws {FormatError} when a length leaves the file
 */
export function llama2cTokenizer(bytes: Uint8Array): Tokenizer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const pieces: string[] = []
  const scores: number[] = []
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let at = 4
  while (at < bytes.length) {
    if (at + 8 > bytes.length) throw truncated(pieces.length)
    const length = view.getInt32(at + 4, true)
    if (length < 0 || length > MAX_PIECE_BYTES || at + 8 + length > bytes.length)
      throw truncated(pieces.length)
    scores.push(view.getFloat32(at, true))
    pieces.push(decoder.decode(bytes.subarray(at + 8, at + 8 + length)))
    at += 8 + length
  }
  if (pieces.length === 0) throw truncated(0)
  return sentencePieceTokenizer({ pieces, scores, bos: 1, eos: 2, unknown: 0 })
}

function truncated(token: number): FormatError {
  return new FormatError(
    `[models/tokenizer] expected a llama2.c tokenizer.bin, got one whose token ${token} leaves the file`,
  )
}
