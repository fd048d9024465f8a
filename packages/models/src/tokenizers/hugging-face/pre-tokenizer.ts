import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { flagAt, isObject, type JsonObject, listAt, textAt } from '../json-values.ts'
import { byteLevel } from '../pre-tokenizers/byte-level.ts'
import { digits } from '../pre-tokenizers/digits.ts'
import { metaspace } from '../pre-tokenizers/metaspace.ts'
import { type PreTokenizer, preTokenizerSequence } from '../pre-tokenizers/pre-tokenizer.ts'
import { type SplitBehavior, split } from '../pre-tokenizers/split.ts'
import { bertWords, betweenSpaces, punctuation, whitespaceAndWords } from '../pre-tokenizers/words.ts'
import { patternOf } from './normalizer.ts'

/** The pre-tokenizer that a tokenizer.json describes. */
export function preTokenizerOf(json: unknown): PreTokenizer | undefined {
  if (json === null || json === undefined) return undefined
  if (!isObject(json)) throw new FormatError('[models/tokenizer] expected an object as pre_tokenizer')
  const type = textAt(json, 'type')
  switch (type) {
    case 'Sequence':
      return preTokenizerSequence(
        listAt(json, 'pretokenizers')
          .map(preTokenizerOf)
          .filter(step => step !== undefined),
      )
    case 'ByteLevel':
      return byteLevel({
        prefixSpace: flagAt(json, 'add_prefix_space', true),
        words: flagAt(json, 'use_regex', true),
      })
    case 'Split':
      return split(globalPattern(json), behaviorOf(json, 'Isolated'), flagAt(json, 'invert', false))
    case 'Digits':
      return digits(flagAt(json, 'individual_digits', false))
    case 'Punctuation':
      return punctuation(behaviorOf(json, 'Isolated'))
    case 'Whitespace':
      return whitespaceAndWords
    case 'WhitespaceSplit':
      return betweenSpaces
    case 'BertPreTokenizer':
      return bertWords
    case 'CharDelimiterSplit':
      return split(literal(textAt(json, 'delimiter')), 'removed')
    case 'Metaspace':
      return metaspace({
        mark: textAt(json, 'replacement', '▁'),
        prefix: prefixOf(json),
        cut: flagAt(json, 'split', true),
      })
    default:
      throw new UnsupportedError(
        `[models/tokenizer] expected a known pre_tokenizer, got '${String(type).slice(0, 60)}'`,
      )
  }
}

/** Where a Metaspace puts its mark; older files say `add_prefix_space`. */
export function prefixOf(json: JsonObject): 'always' | 'first' | 'never' {
  const scheme = textAt(json, 'prepend_scheme', flagAt(json, 'add_prefix_space', true) ? 'always' : 'never')
  if (scheme === 'always' || scheme === 'first' || scheme === 'never') return scheme
  throw new FormatError(
    `[models/tokenizer] expected prepend_scheme always, first or never, got '${String(scheme).slice(0, 60)}'`,
  )
}

const behaviors: Readonly<Record<string, SplitBehavior>> = {
  Removed: 'removed',
  Isolated: 'isolated',
  MergedWithPrevious: 'mergedWithPrevious',
  MergedWithNext: 'mergedWithNext',
  Contiguous: 'contiguous',
}

function behaviorOf(json: JsonObject, missing: string): SplitBehavior {
  const name = textAt(json, 'behavior', missing)
  const behavior = Object.hasOwn(behaviors, name) ? behaviors[name] : undefined
  if (behavior !== undefined) return behavior
  throw new FormatError(
    `[models/tokenizer] expected one of ${Object.keys(behaviors).join(', ')} as behavior, got '${String(name).slice(0, 60)}'`,
  )
}

function globalPattern(json: JsonObject): RegExp {
  const pattern = patternOf(json)
  return typeof pattern === 'string' ? literal(pattern) : pattern
}

const literal = (text: string) => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
