import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { toByteCharacters } from '../byte-characters.ts'
import { flagAt, isObject, type JsonObject, listAt, objectAt, own, textAt } from '../json-values.ts'
import { bertNormalizer } from '../normalizers/bert-normalizer.ts'
import {
  lowercase,
  type Normalizer,
  normalizerSequence,
  prepend,
  replace,
  strip,
  stripAccents,
  unicodeForm,
} from '../normalizers/normalizer.ts'
import { precompiled } from '../normalizers/precompiled.ts'
import { regularExpression } from '../regular-expression.ts'

/** The normaliser that a tokenizer.json describes. */
export function normalizerOf(json: unknown): Normalizer | undefined {
  if (json === null || json === undefined) return undefined
  if (!isObject(json)) throw new FormatError('[models/tokenizer] expected an object as normalizer')
  const type = textAt(json, 'type')
  switch (type) {
    case 'Sequence':
      return normalizerSequence(
        listAt(json, 'normalizers')
          .map(normalizerOf)
          .filter(step => step !== undefined),
      )
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return unicodeForm(type)
    case 'Lowercase':
      return lowercase
    case 'StripAccents':
      return stripAccents
    case 'Strip':
      return strip(flagAt(json, 'strip_left', true), flagAt(json, 'strip_right', true))
    case 'Prepend':
      return prepend(textAt(json, 'prepend'))
    case 'Replace':
      return replace(patternOf(json), textAt(json, 'content'))
    case 'ByteLevel':
      return toByteCharacters
    case 'Precompiled':
      return charsmapOf(json)
    case 'BertNormalizer':
      return bertNormalizer({
        cleanText: flagAt(json, 'clean_text', true),
        chineseCharacters: flagAt(json, 'handle_chinese_chars', true),
        stripAccents:
          own(json, 'strip_accents') === undefined ? undefined : flagAt(json, 'strip_accents', false),
        lowercase: flagAt(json, 'lowercase', true),
      })
    default:
      throw new UnsupportedError(
        `[models/tokenizer] expected a known normalizer, got '${String(type).slice(0, 60)}'`,
      )
  }
}

/** `{ String }` as it stands, `{ Regex }` with the flag `g`. */
export function patternOf(json: JsonObject): RegExp | string {
  const pattern = objectAt(json, 'pattern')
  const text = own(pattern, 'String')
  if (typeof text === 'string' && text !== '') return text
  return regularExpression(textAt(pattern, 'Regex'))
}

function charsmapOf(json: JsonObject): Normalizer | undefined {
  const text = own(json, 'precompiled_charsmap')
  if (text === undefined || text === '') return undefined
  let binary: string
  try {
    binary = atob(textAt(json, 'precompiled_charsmap'))
  } catch {
    throw new FormatError('[models/tokenizer] expected base64 in precompiled_charsmap')
  }
  return precompiled(Uint8Array.from(binary, character => character.charCodeAt(0)))
}
