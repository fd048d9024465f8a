import { Tokenizer as HuggingFace } from '@huggingface/tokenizers'
import { FormatError, type Tokenizer } from '@tersor/core-tensor'

/**
 * The tokenizer in a Hugging Face `tokenizer.json`, with the special tokens that
 * `tokenizer_config.json` names.
 *
 * @param json  the parsed tokenizer.json
 * @param config  the parsed tokenizer_config.json, where there is one
 * @throws {FormatError} when the library cannot read it
 */
export function huggingFaceTokenizer(json: object, config: object = {}): Tokenizer {
  const tokenizer = build(json, config)
  const vocabulary = tokenizer.get_vocab()
  const names = config as { bos_token?: unknown; eos_token?: unknown }
  const idOf = (token: unknown, ...usual: string[]): number | undefined => {
    const content =
      typeof token === 'object' && token !== null ? (token as { content?: unknown }).content : token
    for (const name of typeof content === 'string' ? [content] : usual) {
      const id = vocabulary.get(name)
      if (id !== undefined) return id
    }
    return undefined
  }
  const bos = idOf(names.bos_token, '<s>', '<|begin_of_text|>')
  const eos = idOf(names.eos_token, '</s>', '<|end_of_text|>', '<|endoftext|>')
  return {
    vocabSize: Math.max(-1, ...vocabulary.values()) + 1,
    bos,
    eos,
    ends: eos === undefined ? [] : [eos],
    addsBos: bos !== undefined,
    specialTokens: {},
    idOf: token => vocabulary.get(token),
    encode: text => Int32Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids),
    // The library refuses no tokens.
    decode: tokens =>
      tokens.length === 0 ? '' : tokenizer.decode([...tokens], { skip_special_tokens: true }),
  }
}

function build(json: object, config: object): HuggingFace {
  try {
    return new HuggingFace(json, config)
  } catch (error) {
    throw new FormatError(
      `[models/tokenizer] expected a tokenizer.json that @huggingface/tokenizers reads, got: ${String(error)}`,
    )
  }
}
