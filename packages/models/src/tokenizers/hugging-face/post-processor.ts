import { FormatError, UnsupportedError } from '@tersor/core-tensor'
import { isObject, type JsonObject, listAt, objectAt, own, textAt } from '../json-values.ts'
import { requireId } from '../models/vocabulary.ts'

/** Special tokens around a text. */
export interface Frame {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

const NOTHING: Frame = { before: [], after: [] }

/** What the post-processor of a tokenizer.json puts around a single text. */
export function frameOf(json: unknown): Frame {
  if (json === null || json === undefined) return NOTHING
  if (!isObject(json)) throw new FormatError('[models/tokenizer] expected an object as post_processor')
  const type = textAt(json, 'type')
  switch (type) {
    case 'Sequence':
      return listAt(json, 'processors')
        .map(frameOf)
        .reduce(
          (outer, inner) => ({
            before: [...inner.before, ...outer.before],
            after: [...outer.after, ...inner.after],
          }),
          NOTHING,
        )
    // It only moves offsets, which nobody here asks for.
    case 'ByteLevel':
      return NOTHING
    case 'TemplateProcessing':
      return templateFrame(json)
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [idIn(json, 'cls')], after: [idIn(json, 'sep')] }
    default:
      throw new UnsupportedError(
        `[models/tokenizer] expected a known post_processor, got '${String(type).slice(0, 60)}'`,
      )
  }
}

function templateFrame(json: JsonObject): Frame {
  const before: number[] = []
  const after: number[] = []
  const specials = own(json, 'special_tokens') === undefined ? {} : objectAt(json, 'special_tokens')
  let side = before
  for (const item of listAt(json, 'single')) {
    if (!isObject(item)) throw new FormatError('[models/tokenizer] expected objects in a template')
    if (own(item, 'Sequence') !== undefined) side = after
    else {
      const token = objectAt(specials, textAt(objectAt(item, 'SpecialToken'), 'id'))
      for (const id of listAt(token, 'ids')) side.push(requireId(id, 'a special token'))
    }
  }
  return { before, after }
}

/** The id in a pair such as `["</s>", 2]`. */
function idIn(json: JsonObject, key: string): number {
  return requireId(listAt(json, key)[1], key)
}
