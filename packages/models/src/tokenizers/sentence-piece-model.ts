import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { PIECE_TYPE, type SentencePieceVocabulary } from './sentence-piece-tokenizer.ts'
import { textOfBytes } from './utf8.ts'

/** What a tokenizer.model of SentencePiece holds. */
export interface SentencePieceModel extends SentencePieceVocabulary {
  readonly padding: number | undefined
}

const KINDS = ['unigram', 'bpe', 'word', 'char']

/**
 * Reads SentencePiece's own file, `tokenizer.model` or `sentencepiece.bpe.model`: a message of protocol buffers with the pieces, how they
 * were trained, and how text is normalised.
 *
 * @throws {FormatError} when it is no such message
 * @throws {UnsupportedError} for models of words or characters
 */
export function readSentencePieceModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: string[] = []
  const scores: number[] = []
  const types: number[] = []
  let kind = 1
  const ids = { unknown: 0, bos: 1, eos: 2, padding: -1 }
  let spacePrefix = true
  let removeExtraSpaces = true
  let charsmap: Uint8Array | undefined
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) {
      const piece = { text: '', score: 0, type: PIECE_TYPE.normal as number }
      for (const { number, value } of fieldsOf(bytesIn(field))) {
        if (number === 1 && typeof value !== 'number') piece.text = textOfBytes(value)
        if (number === 2 && typeof value !== 'number') piece.score = floatIn(value)
        if (number === 3 && typeof value === 'number') piece.type = value
      }
      pieces.push(piece.text)
      scores.push(piece.score)
      types.push(piece.type)
    } else if (field.number === 2) {
      for (const { number, value } of fieldsOf(bytesIn(field))) {
        if (typeof value !== 'number') continue
        if (number === 3) kind = value
        if (number === 40) ids.unknown = value
        if (number === 41) ids.bos = value
        if (number === 42) ids.eos = value
        if (number === 43) ids.padding = value
      }
    } else if (field.number === 3) {
      for (const { number, value } of fieldsOf(bytesIn(field))) {
        if (number === 2 && typeof value !== 'number') charsmap = value
        if (number === 3 && typeof value === 'number') spacePrefix = value !== 0
        if (number === 4 && typeof value === 'number') removeExtraSpaces = value !== 0
      }
    }
  }
  if (pieces.length === 0) throw malformed('pieces')
  if (kind !== 1 && kind !== 2)
    throw new UnsupportedError(
      `[models/tokenizer] expected a SentencePiece model of kind unigram or bpe, got ${KINDS[kind - 1] ?? kind}`,
    )
  const there = (id: number) => (id >= 0 && id < pieces.length ? id : undefined)
  return {
    ...{
      pieces,
      scores,
      types,
      kind: kind === 1 ? 'unigram' : 'bpe',
      spacePrefix,
      removeExtraSpaces,
      charsmap,
    },
    ...{ unknown: there(ids.unknown), bos: there(ids.bos), eos: there(ids.eos), padding: there(ids.padding) },
  }
}

interface Field {
  readonly number: number
  /** Bytes of texts, messages and floats; numbers of the rest. */
  readonly value: number | Uint8Array
}

/** The fields of a message in protocol buffers, in the order of the file. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0
  /** 64 bits at most; negative numbers, written in ten bytes, are those of two's complement. */
  const varint = (): number => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw malformed('numbers that end')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw malformed('numbers of at most ten bytes')
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > bytes.length) throw malformed('fields that end within it')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        yield { number, value: take(8) }
        break
      case 2:
        yield { number, value: take(varint()) }
        break
      case 5:
        yield { number, value: take(4) }
        break
      default:
        throw malformed('fields of known kinds')
    }
  }
}

function bytesIn({ value }: Field): Uint8Array {
  if (typeof value === 'number') throw malformed('messages where these belong')
  return value
}

function floatIn(bytes: Uint8Array): number {
  if (bytes.length !== 4) throw malformed('scores of four bytes')
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true)
}

function malformed(expected: string): FormatError {
  return new FormatError(
    `[models/tokenizer] expected a SentencePiece model with ${expected}, got something else`,
  )
}
