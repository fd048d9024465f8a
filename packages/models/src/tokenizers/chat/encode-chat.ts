import { type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import { type ChatMessage, type RenderChatOptions, renderChat } from './render-chat.ts'

export interface EncodeChatOptions extends Omit<RenderChatOptions, 'specialTokens'> {
  /**
   * Special tokens that stand in the messages, tools and documents become those tokens, as in the reference implementation. With false
   * they stay text, wherever the template puts them: what a stranger writes cannot end its turn. True by default.
   */
  parseSpecial?: boolean | undefined
}

/**
 * The tokens of a conversation, written by the model's own template. Its special tokens are those of the template; none are added.
 *
 * @throws {UnsupportedError} when the tokenizer has no template
 * @throws {FormatError} when the template is malformed, goes on too long, or refuses the conversation
 * @example
 * const chat = { ...huggingFaceTokenizer({
 *   added_tokens: [{ id: 3, content: '<end>', special: true }],
 *   model: { type: 'WordLevel', vocab: { Hi: 0, '?': 1, '<end>': 2 }, unk_token: '?' },
 *   pre_tokenizer: { type: 'WhitespaceSplit' },
 * }), chatTemplate: '{% for m in messages %}{{ m.content }}<end>{% endfor %}' }
 * encodeChat(chat, [{ role: 'user', content: 'Hi <end>' }]) // => Int32Array [0, 3, 3]
 * encodeChat(chat, [{ role: 'user', content: 'Hi <end>' }], { parseSpecial: false }) // => Int32Array [0, 2, 3]
 */
export function encodeChat(
  tokenizer: Tokenizer,
  messages: readonly ChatMessage[],
  { parseSpecial = true, ...options }: EncodeChatOptions = {},
): Int32Array {
  const { chatTemplate, specialTokens } = tokenizer
  if (chatTemplate === undefined)
    throw new UnsupportedError(
      '[models/chat] expected a tokenizer with a chat template, got one without; encode a text instead',
    )
  if (parseSpecial) return tokenizer.encode(renderChat(chatTemplate, messages, { ...options, specialTokens }))
  const { tools, documents } = options
  const mark = unusedMark(JSON.stringify([chatTemplate, messages, tools, documents, options.variables]))
  const marked = <T>(value: T) => withMarks(value, tokenizer, mark)
  const text = renderChat(chatTemplate, marked(messages), {
    ...{ ...options, specialTokens },
    ...{ tools: marked(tools), documents: marked(documents) },
  })
  const { clean, places } = withoutMarks(text, mark)
  return tokenizer.encode(clean, { parseSpecial: at => !places.has(at) })
}

/** Characters for private use: no text that means something holds all of them. */
const FIRST_MARK = 0xe000
const LAST_MARK = 0xf8ff

function unusedMark(texts: string): string {
  for (let code = FIRST_MARK; code <= LAST_MARK; code++) {
    const mark = String.fromCharCode(code)
    if (!texts.includes(mark)) return mark
  }
  throw new UnsupportedError(
    '[models/chat] expected a character for private use that the texts lack, got none',
  )
}

/** The same with a mark before each special token in its texts: marks go where the template puts the text. */
function withMarks<T>(value: T, tokenizer: Tokenizer, mark: string): T {
  const each = (inner: unknown): unknown => {
    if (typeof inner === 'string') return markedText(inner, tokenizer, mark)
    if (Array.isArray(inner)) return inner.map(each)
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, field]) => [key, each(field)]))
  }
  return each(value) as T
}

function markedText(text: string, tokenizer: Tokenizer, mark: string): string {
  const places: number[] = []
  tokenizer.encode(text, {
    parseSpecial(at) {
      places.push(at)
      return false
    },
  })
  let out = ''
  let from = 0
  for (const at of places) {
    out += text.slice(from, at) + mark
    from = at
  }
  return out + text.slice(from)
}

function withoutMarks(text: string, mark: string): { clean: string; places: ReadonlySet<number> } {
  const [first = '', ...others] = text.split(mark)
  const places = new Set<number>()
  let clean = first
  for (const other of others) {
    places.add(clean.length)
    clean += other
  }
  return { clean, places }
}
