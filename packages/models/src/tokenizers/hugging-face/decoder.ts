import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import {
  byteLevelText,
  bytesOfTokens,
  type Decoder,
  decoderSequence,
  fuse,
  replaceInTokens,
  spacesOfMarks,
  stripFromTokens,
  wordPieceText,
  wordsOfSuffixes,
} from '../decoders/decoder.ts'
import { countAt, flagAt, isObject, listAt, textAt } from '../json-values.ts'
import { patternOf } from './normalizer.ts'
import { prefixOf } from './pre-tokenizer.ts'

/** The decoder that a tokenizer.json describes; without one, tokens are words. */
export function decoderOf(json: unknown): Decoder {
  if (json === null || json === undefined) return tokens => [tokens.join(' ')]
  if (!isObject(json)) throw new FormatError('[models/tokenizer] expected an object as decoder')
  const type = textAt(json, 'type')
  switch (type) {
    case 'Sequence':
      return decoderSequence(listAt(json, 'decoders').map(decoderOf))
    case 'ByteLevel':
      return byteLevelText
    case 'ByteFallback':
      return bytesOfTokens
    case 'Fuse':
      return fuse
    case 'Replace':
      return replaceInTokens(patternOf(json), textAt(json, 'content'))
    case 'Strip':
      return stripFromTokens(
        textAt(json, 'content', ' '),
        countAt(json, 'start', 0),
        countAt(json, 'stop', 0),
      )
    case 'Metaspace':
      return spacesOfMarks(textAt(json, 'replacement', '▁'), prefixOf(json) !== 'never')
    case 'WordPiece':
      return wordPieceText(textAt(json, 'prefix', '##'), flagAt(json, 'cleanup', true))
    case 'BPEDecoder':
      return wordsOfSuffixes(textAt(json, 'suffix', '</w>'))
    default:
      throw new UnsupportedError(
        `[models/tokenizer] expected a known decoder, got '${String(type).slice(0, 60)}'`,
      )
  }
}
