import { type JobOptions, pace, ShapeError, Tensor, type Tokenizer } from '@tersor/core-tensor'
import type { Encoder } from './encoder.ts'
import { pool } from './pool.ts'
import { DEFAULT_POOLING, type Pooling, type PoolingKind } from './pooling.ts'
import { textTokens } from './text-tokens.ts'

export interface EmbedTextsOptions extends JobOptions {
  /** How tokens become one vector; as the model's files say by default, and their mean where they do not. */
  pooling?: PoolingKind | undefined
  /** Whether vectors are divided by their length; as the files say by default, and true where they do not. */
  normalize?: boolean | undefined
  /** Tokens of a text at most, special ones among them; as the files say by default. */
  maxTokens?: number | undefined
  /** Cuts longer texts, as sentence-transformers does; with false they are refused. True by default. */
  truncate?: boolean | undefined
  /** What stands before every text, such as `query: `; as the files say by default. */
  prompt?: string | undefined
  /** Texts go through the model together up to this many tokens; 4096 by default. A text may have more alone. */
  batchTokens?: number | undefined
}

/**
 * Texts as vectors, whose products say how near the texts are in meaning. Pooling, length and prompt are what the files of
 * the model say (sentence-transformers' `modules.json` and what it names, a GGUF's `pooling_type`).
 *
 * @param tokenizer  of the same model, from `ModelFile.openTokenizer`
 * @returns (texts, hidden) float32, in ordinary memory
 * @throws {ShapeError} for a text that is too long and may not be cut, or options that do not fit the model
 */
export async function embedTexts(
  encoder: Encoder,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EmbedTextsOptions = {},
): Promise<Tensor> {
  const { hiddenSize } = encoder.config
  const { kind, normalize, maxTokens, prompt = '' } = poolingOf(encoder, options)
  const { truncate = true, batchTokens = 4096, ...job } = options
  const embeddings = new Float32Array(texts.length * hiddenSize)
  const step = pace(job, texts.length)
  let done = 0
  for (const batch of batches(texts, batchTokens, text =>
    textTokens(tokenizer, prompt + text, { maxTokens, truncate }),
  )) {
    using hidden = await encoder.forward(batch, job)
    const rows = (await hidden.read()) as Float32Array
    let start = 0
    for (const { length } of batch) {
      const own = rows.subarray(start * hiddenSize, (start + length) * hiddenSize)
      embeddings.set(pool(own, hiddenSize, { kind, normalize }), done * hiddenSize)
      start += length
      done++
      await step()
    }
  }
  return new Tensor('float32', embeddings, [texts.length, hiddenSize])
}

/** What the options say, the files where they do not, and the defaults where neither does. */
function poolingOf({ config }: Encoder, options: EmbedTextsOptions): Pooling & { maxTokens: number } {
  const { pooling, contextLength } = config
  const from = pooling ?? DEFAULT_POOLING
  const maxTokens = options.maxTokens ?? Math.min(from.maxTokens ?? contextLength, contextLength)
  const { pooling: kind = from.kind, normalize = from.normalize, prompt = from.prompt } = options
  if (!Number.isInteger(maxTokens) || maxTokens < 1 || maxTokens > contextLength) {
    throw new ShapeError(
      `[models/embed-texts] expected maxTokens from 1 to the model's ${contextLength}, got ${maxTokens}`,
    )
  }
  return { kind, normalize, maxTokens, prompt }
}

/** The tokens of texts, as many texts together as fit; at least one. */
function* batches(
  texts: readonly string[],
  most: number,
  tokensOf: (text: string) => Int32Array,
): Generator<readonly Int32Array[]> {
  let batch: Int32Array[] = []
  let count = 0
  for (const text of texts) {
    const tokens = tokensOf(text)
    if (batch.length > 0 && count + tokens.length > most) {
      yield batch
      batch = []
      count = 0
    }
    batch.push(tokens)
    count += tokens.length
  }
  if (batch.length > 0) yield batch
}
