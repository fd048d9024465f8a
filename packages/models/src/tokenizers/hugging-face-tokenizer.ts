import { FormatError, type Tokenizer } from '@tersor/core-tensor'
import { cleanUpSpaces, type Decoder } from './decoders/decoder.ts'
import { addedToken, addedTokensOf, type CompanionFiles, factsOf } from './hugging-face/companion-files.ts'
import { decoderOf } from './hugging-face/decoder.ts'
import { modelOf } from './hugging-face/model.ts'
import { normalizerOf } from './hugging-face/normalizer.ts'
import { frameOf } from './hugging-face/post-processor.ts'
import { preTokenizerOf } from './hugging-face/pre-tokenizer.ts'
import { isObject, objectAt, own } from './json-values.ts'
import { textTokenizer } from './text-tokenizer.ts'

/**
 * The tokenizer in a Hugging Face `tokenizer.json`, with what the files beside it say about its special tokens.
 *
 * It gives the ids of the library that made the file: `truncation` and `padding` are left alone, and spaces are only cleaned up where
 * tokenizer_config.json asks for it.
 *
 * @param json  the parsed tokenizer.json
 * @param files  the parsed files beside it, as far as there are any
 * @throws {FormatError} when the file is no tokenizer
 * @throws {UnsupportedError} for a step that is not known, by name
 * @example
 * const tokenizer = huggingFaceTokenizer({
 *   added_tokens: [{ id: 4, content: '<s>', special: true }],
 *   model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3 }, merges: ['a b'] },
 *   pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
 *   decoder: { type: 'ByteLevel' },
 * })
 * tokenizer.encode('ab a<s>') // => Int32Array [2, 3, 0, 4]
 * tokenizer.decode([2, 3, 0, 4]) // => 'ab a'
 */
export function huggingFaceTokenizer(json: object, files: CompanionFiles = {}): Tokenizer {
  if (!isObject(json)) throw new FormatError('[models/tokenizer] expected an object in tokenizer.json')
  const listed = own(json, 'added_tokens') ?? []
  if (!Array.isArray(listed) || !listed.every(isObject))
    throw new FormatError('[models/tokenizer] expected a list of objects in added_tokens')
  const added = addedTokensOf(
    listed.map(token => addedToken(token)),
    files,
  )
  const special = new Map(added.filter(token => token.special).map(({ content, id }) => [content, id]))
  const model = modelOf(objectAt(json, 'model'), new Set(special.values()))
  const ids = new Map(added.map(({ content, id }) => [content, id]))
  return textTokenizer({
    model,
    added,
    normalize: normalizerOf(own(json, 'normalizer')),
    preTokenize: preTokenizerOf(own(json, 'pre_tokenizer')),
    decode: cleaned(decoderOf(own(json, 'decoder')), files),
    ...factsOf(files, frameOf(own(json, 'post_processor')), {
      idOf: token => ids.get(token) ?? model.idOf(token),
      specialIdOf: token => special.get(token),
    }),
  })
}

function cleaned(decode: Decoder, { tokenizer }: CompanionFiles): Decoder {
  const wanted = isObject(tokenizer) && own(tokenizer, 'clean_up_tokenization_spaces') === true
  return wanted ? tokens => [cleanUpSpaces(decode(tokens).join(''))] : decode
}
