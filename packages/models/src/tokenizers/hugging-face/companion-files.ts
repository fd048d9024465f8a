import { FormatError } from '@tersor/core-tensor'
import type { AddedToken } from '../added-tokens.ts'
import { countAt, flagAt, isObject, type JsonObject, own, textAt } from '../json-values.ts'
import { isId } from '../models/vocabulary.ts'
import type { TokenizerParts } from '../text-tokenizer.ts'
import { turnEnds } from '../turn-ends.ts'
import type { Frame } from './post-processor.ts'

/** The parsed files that Hugging Face puts beside a tokenizer, as far as there are any. */
export interface CompanionFiles {
  /** tokenizer_config.json */
  readonly tokenizer?: object | undefined
  /** special_tokens_map.json */
  readonly specialTokens?: object | undefined
  /** added_tokens.json */
  readonly addedTokens?: object | undefined
  /** generation_config.json */
  readonly generation?: object | undefined
  /** config.json */
  readonly model?: object | undefined
  /** chat_template.jinja */
  readonly chatTemplate?: string | undefined
}

/** What the files say about a tokenizer besides how it cuts text. */
type Facts = Required<Pick<TokenizerParts, 'special' | 'before' | 'after' | 'ends' | 'specialTokens'>> &
  Pick<TokenizerParts, 'bos' | 'eos' | 'addsBos' | 'chatTemplate'>

/** Names of special tokens where a tokenizer.json stands alone. */
const USUAL_BEGINNINGS = ['<s>', '<|begin_of_text|>', '<bos>', '<|startoftext|>']
const USUAL_ENDS = ['</s>', '<|end_of_text|>', '<eos>', '<|endoftext|>']

/**
 * Special tokens, ends and the chat template.
 *
 * @param frame  what the tokenizer's own file puts around a text
 * @param find  the ids of all tokens, and of the special ones among those that were added
 */
export function factsOf(
  files: CompanionFiles,
  frame: Frame,
  find: {
    readonly idOf: (token: string) => number | undefined
    readonly specialIdOf: (token: string) => number | undefined
    /** What the tokenizer's own file says, where these files say nothing. */
    readonly bos?: number | undefined
    readonly eos?: number | undefined
  },
): Facts {
  const config = objectOf(files.tokenizer)
  const named = namesOf(config, objectOf(files.specialTokens))
  const alone = files.tokenizer === undefined && files.specialTokens === undefined
  const idFor = (key: 'bos' | 'eos', usual: readonly string[]): number | undefined => {
    const name = named.names[`${key}_token`]
    if (name !== undefined) return find.idOf(name)
    if (named.none.has(`${key}_token`)) return undefined
    const id = [files.generation, files.model].map(file => idsOf(objectOf(file), `${key}_token_id`)[0])
    return (
      id.find(each => each !== undefined) ??
      find[key] ??
      (alone ? firstOf(usual, find.specialIdOf) : undefined)
    )
  }
  const bos = idFor('bos', USUAL_BEGINNINGS)
  const eos = idFor('eos', USUAL_ENDS)
  const before = adjusted(frame.before, bos, own(config, 'add_bos_token'), 'start')
  const after = adjusted(frame.after, eos, own(config, 'add_eos_token'), 'end')
  const told = [
    ...idsOf(objectOf(files.generation), 'eos_token_id'),
    ...idsOf(objectOf(files.model), 'eos_token_id'),
  ]
  // Only a generation_config.json is meant to name all of them.
  const ends = files.generation === undefined ? [...told, ...turnEnds(find.specialIdOf)] : told
  return {
    bos,
    eos,
    ends: [...new Set([...(eos === undefined ? [] : [eos]), ...ends])],
    before,
    after,
    addsBos: bos !== undefined && before.includes(bos),
    special: [...Object.values(named.names), ...named.additional]
      .map(name => find.idOf(name))
      .filter(id => id !== undefined),
    specialTokens: named.names,
    chatTemplate: files.chatTemplate ?? templateIn(config),
  }
}

/** `add_bos_token` and `add_eos_token` of a tokenizer_config.json have the last word. */
function adjusted(
  ids: readonly number[],
  id: number | undefined,
  wanted: unknown,
  side: 'start' | 'end',
): readonly number[] {
  if (id === undefined || typeof wanted !== 'boolean' || ids.includes(id) === wanted) return ids
  if (!wanted) return ids.filter(each => each !== id)
  return side === 'start' ? [id, ...ids] : [...ids, id]
}

interface Names {
  /** By key, such as `bos_token`. */
  readonly names: Readonly<Record<string, string>>
  /** Keys that a file sets to null: there is no such token. */
  readonly none: ReadonlySet<string>
  readonly additional: readonly string[]
}

function namesOf(config: JsonObject, map: JsonObject): Names {
  const names: Record<string, string> = {}
  const none = new Set<string>()
  const additional: string[] = []
  for (const file of [config, map]) {
    for (const [key, value] of Object.entries(file)) {
      if (key === 'additional_special_tokens' && Array.isArray(value))
        additional.push(...value.map(contentOf).filter(name => name !== undefined))
      if (!/^[a-z_]+_token$/.test(key) || key.startsWith('add_') || key in names || none.has(key)) continue
      const name = contentOf(value)
      if (name !== undefined) names[key] = name
      else if (value === null) none.add(key)
    }
  }
  return { names, none, additional }
}

/** A token's spelling: itself, or in an object. */
function contentOf(value: unknown): string | undefined {
  const content = isObject(value) ? own(value, 'content') : value
  return typeof content === 'string' ? content : undefined
}

function idsOf(file: JsonObject, key: string): readonly number[] {
  const value = own(file, key)
  return (Array.isArray(value) ? value : [value]).filter(isId)
}

function firstOf(names: readonly string[], idOf: (name: string) => number | undefined): number | undefined {
  return names.map(idOf).find(id => id !== undefined)
}

/** One template, or several of which one is the default. */
function templateIn(config: JsonObject): string | undefined {
  const given = own(config, 'chat_template')
  if (!Array.isArray(given)) return typeof given === 'string' ? given : undefined
  const all = given.filter(isObject)
  const chosen = all.find(each => own(each, 'name') === 'default') ?? all[0]
  return chosen === undefined ? undefined : textAt(chosen, 'template')
}

/** Added tokens by id: `added_tokens_decoder` knows more about them than the tokenizer's own file, added_tokens.json less. */
export function addedTokensOf(
  listed: readonly AddedToken[],
  { tokenizer, addedTokens }: CompanionFiles,
): AddedToken[] {
  const byId = new Map(listed.map(token => [token.id, token]))
  const config = objectOf(tokenizer)
  for (const [key, value] of Object.entries(objectOf(own(config, 'added_tokens_decoder')))) {
    if (!isObject(value)) throw new FormatError('[models/tokenizer] expected objects in added_tokens_decoder')
    const token = addedToken(value, Number(key))
    byId.set(token.id, token)
  }
  for (const [content, id] of Object.entries(objectOf(addedTokens))) {
    if (typeof id !== 'number' || byId.has(id)) continue
    byId.set(id, { id, content, special: false })
  }
  return [...byId.values()]
}

/** A token as tokenizer.json and `added_tokens_decoder` write it. */
export function addedToken(json: JsonObject, id = countAt(json, 'id')): AddedToken {
  return {
    id,
    content: textAt(json, 'content'),
    special: flagAt(json, 'special', false),
    singleWord: flagAt(json, 'single_word', false),
    lstrip: flagAt(json, 'lstrip', false),
    rstrip: flagAt(json, 'rstrip', false),
    normalized: flagAt(json, 'normalized', false),
  }
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}
