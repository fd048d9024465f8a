export interface TokenizeOptions {
  /** Put the special tokens around the text that the model expects there, as the file says; false by default. */
  addSpecial?: boolean | undefined
  /**
   * Special tokens that stand in the text (`<|im_end|>`) become those tokens; true by default. With false they are
   * spelt as the text they are: for text from strangers. A function says it for each, by where it begins in the text.
   */
  parseSpecial?: boolean | ((at: number) => boolean) | undefined
}

export interface DetokenizeOptions {
  /** Leave special tokens out of the text; true by default. */
  skipSpecial?: boolean | undefined
}

/** How words are cut into tokens: byte pairs that are joined, likeliest pieces, longest pieces, or whole words. */
export type TokenizerKind = 'bytePair' | 'unigram' | 'wordPiece' | 'wordLevel'

/** Text to tokens and back. */
export interface Tokenizer {
  /** How words are cut into tokens; undefined where that is not known. */
  readonly kind?: TokenizerKind | undefined
  /** One more than the largest token. */
  readonly vocabSize: number
  /** The token that begins a text, where the model has one. */
  readonly bos: number | undefined
  /** The token that ends a text, where the model has one. */
  readonly eos: number | undefined
  /** All tokens that end a text or a turn: where generation stops. */
  readonly ends: readonly number[]
  /** The model was trained on texts that begin with `bos`: put it before a text that is to be evaluated or continued. */
  readonly addsBos: boolean
  /** The Jinja template that writes a conversation as text, where the model has one. */
  readonly chatTemplate?: string | undefined
  /** The special tokens that templates name: `bos_token`, `eos_token`, `pad_token` … */
  readonly specialTokens: Readonly<Record<string, string>>
  /** The token that is spelt so, special ones among them. */
  idOf(token: string): number | undefined
  encode(text: string, options?: TokenizeOptions): Int32Array
  decode(tokens: Int32Array | readonly number[], options?: DetokenizeOptions): string
}
