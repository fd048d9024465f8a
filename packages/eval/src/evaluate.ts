import {
  argmax,
  type CausalLM,
  type JobOptions,
  NumericalError,
  pace,
  ShapeError,
  toFloat32,
} from '@tersor/core-tensor'
import type { EvaluationWindow } from './evaluation-windows.ts'
import { type Mean, meanOf } from './mean.ts'

/** Logits of a window: for each token that is scored, those that predict it, (vocabSize). */
export type LogitSource = (
  window: EvaluationWindow,
  index: number,
) => AsyncIterable<Float32Array> | Iterable<Float32Array>

export interface EvaluateOptions extends JobOptions {
  /** The uncompressed model, or its recorded logits: adds the divergence from it. */
  against?: CausalLM | LogitSource | undefined
}

/** What a model makes of a text. */
export interface Evaluation {
  /** Tokens scored. */
  readonly tokens: number
  /** Mean negative log-likelihood of a token, in nats, with its standard error. */
  readonly nats: Mean
  /** e^nats */
  readonly perplexity: number
  /** How far it is from the model it is compared with, token by token. */
  readonly divergence?: Divergence | undefined
}

/** Differences of two models on the same tokens; standard errors are paired. */
export interface Divergence {
  /** KL(reference ‖ model) of the next-token distributions, in nats. */
  readonly kl: Mean
  /** Share of positions where both find the same token likeliest. */
  readonly top1Agreement: Mean
  /** nats of the model minus nats of the reference. */
  readonly deltaNats: Mean
}

/**
 * Scores a text under a model: negative log-likelihood and perplexity, and against a reference model
 * the mean KL divergence and top-1 agreement with paired standard errors. Logits of a few tokens are held at a time.
 *
 * @param model  a model, or its recorded logits
 * @param windows  what `evaluationWindows` gives
 * @throws {ShapeError} when the vocabularies differ
 * @throws {NumericalError} when a loss is not finite, naming the token
 * @example
 * import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
 *
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Decoder(config, weights)
 * const windows = evaluationWindows(Int32Array.of(3, 1, 4, 1, 5), { contextLength: 4, bos: 1 })
 * const { tokens, divergence } = await evaluate(model, windows, { against: model })
 * tokens // => 5
 * divergence?.kl.mean // => 0
 */
export async function evaluate(
  model: CausalLM | LogitSource,
  windows: readonly EvaluationWindow[],
  { against, ...job }: EvaluateOptions = {},
): Promise<Evaluation> {
  const step = pace(job, scoredIn(windows))
  const nats: number[] = []
  const kl: number[] = []
  const agree: number[] = []
  const delta: number[] = []
  const own = sourceOf(model)
  const source = against && sourceOf(against)
  for (const [index, window] of windows.entries()) {
    let i = window.from
    for await (const [logits, other] of together(own(window, index), source?.(window, index))) {
      const target = window.tokens[i]!
      const where = `token ${i} of window ${index}`
      const row = distributionOf(logits)
      nats.push(finite(row.total - logits[target]!, 'the model', where))
      if (other !== undefined) {
        const reference = distributionOf(other)
        const its = finite(reference.total - other[target]!, 'the model that it is compared with', where)
        kl.push(finite(divergenceOf(reference, row), 'the two models together', where))
        agree.push(row.likeliest === reference.likeliest ? 1 : 0)
        delta.push(nats.at(-1)! - its)
      }
      i++
      await step()
    }
    if (i !== window.tokens.length) {
      throw new ShapeError(
        `[eval/evaluate] expected logits for ${window.tokens.length - window.from} tokens of window ${index}, got ${i - window.from}`,
      )
    }
  }
  const mean = meanOf(nats)
  const scores = { tokens: nats.length, nats: mean, perplexity: Math.exp(mean.mean) }
  if (source === undefined) return scores
  return { ...scores, divergence: { kl: meanOf(kl), top1Agreement: meanOf(agree), deltaNats: meanOf(delta) } }
}

/** A mean over one loss that is no number would be none either. */
function finite(loss: number, whose: string, where: string): number {
  if (Number.isFinite(loss)) return loss
  throw new NumericalError(
    `[eval/evaluate] expected finite losses, got ${loss} from ${whose} at ${where}; its weights or activations hold NaN or infinity`,
  )
}

function sourceOf(model: CausalLM | LogitSource): LogitSource {
  return typeof model === 'function' ? model : logitsOf(model)
}

function scoredIn(windows: readonly EvaluationWindow[]): number {
  return windows.reduce((sum, { tokens, from }) => sum + tokens.length - from, 0)
}

/** Two rows at a time, of one vocabulary. */
async function* together(
  own: ReturnType<LogitSource>,
  other: ReturnType<LogitSource> | undefined,
): AsyncGenerator<readonly [Float32Array, Float32Array | undefined]> {
  const others = other && rowByRow(other)
  try {
    for await (const row of own) {
      const its = (await others?.next())?.value
      if (others !== undefined && its?.length !== row.length) {
        throw new ShapeError(
          `[eval/evaluate] expected models of one vocabulary, got ${row.length} and ${its?.length ?? 'no'} logits for a token`,
        )
      }
      yield [row, its]
    }
  } finally {
    await others?.return(undefined)
  }
}

async function* rowByRow(rows: ReturnType<LogitSource>): AsyncGenerator<Float32Array, undefined> {
  yield* rows
  return undefined
}

/** Tokens whose logits are held at a time. */
const PIECE = 64

/**
 * Runs a model over windows, each from an empty cache, 64 tokens at a time: logits of 49,152 tokens then take 13 MB, however long
 * the window is. Those that nobody asks for are not computed.
 */
export function logitsOf(model: CausalLM): LogitSource {
  return async function* ({ tokens, from }) {
    const cache = model.createCache({ length: tokens.length })
    try {
      for (let start = 0; start < from - 1; start += PIECE) {
        const piece = tokens.subarray(start, Math.min(start + PIECE, from - 1))
        const { logits } = await model.forward(piece, { cache, logits: 'none' })
        logits?.dispose()
      }
      // The last token predicts nothing that is scored.
      for (let start = from - 1; start < tokens.length - 1; start += PIECE) {
        const piece = tokens.subarray(start, Math.min(start + PIECE, tokens.length - 1))
        const { logits } = await model.forward(piece, { cache, logits: 'all' })
        const values = toFloat32({ type: 'float32', dims: logits!.dims, data: await logits!.read() })
        logits!.dispose()
        const vocabulary = values.length / piece.length
        for (let i = 0; i < piece.length; i++) yield values.subarray(i * vocabulary, (i + 1) * vocabulary)
      }
    } finally {
      cache.dispose()
    }
  }
}

/**
 * Keeps the logits of a model for a text, so that many compressed models are compared with it at
 * the cost of one run: 4 bytes for each token and entry of the vocabulary.
 */
export async function recordLogits(
  model: CausalLM,
  windows: readonly EvaluationWindow[],
  job: JobOptions = {},
): Promise<LogitSource> {
  const source = logitsOf(model)
  const recorded: Float32Array[][] = []
  const step = pace(job, scoredIn(windows))
  for (const [index, window] of windows.entries()) {
    const rows: Float32Array[] = []
    for await (const row of source(window, index)) {
      rows.push(row)
      await step()
    }
    recorded.push(rows)
  }
  return (_, index) => recorded[index]!
}

/** Logits with what they fall short of log-probabilities, and the likeliest token. */
interface Distribution {
  readonly logits: Float32Array
  readonly total: number
  readonly likeliest: number
}

/** total = max + ln Σ e^(logit − max) */
function distributionOf(logits: Float32Array): Distribution {
  const likeliest = argmax(logits)
  const max = logits[likeliest]!
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max)
  return { logits, total: max + Math.log(sum), likeliest }
}

/** Σ p (ln p − ln q) */
function divergenceOf(p: Distribution, q: Distribution): number {
  let sum = 0
  for (let i = 0; i < p.logits.length; i++) {
    const log = p.logits[i]! - p.total
    const weight = Math.exp(log)
    if (weight > 0) sum += weight * (log - (q.logits[i]! - q.total))
  }
  return sum
}
