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

/** Logits of a window from elsewhere, (tokens, vocabSize). */
export type LogitSource = (window: EvaluationWindow, index: number) => Promise<Float32Array> | Float32Array

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
 * the mean KL divergence and top-1 agreement with paired standard errors.
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
  const step = pace(job, windows.length)
  const nats: number[] = []
  const kl: number[] = []
  const agree: number[] = []
  const delta: number[] = []
  const own = sourceOf(model)
  const source = against && sourceOf(against)
  for (const [index, window] of windows.entries()) {
    const logits = await own(window, index)
    const other = await source?.(window, index)
    if (other !== undefined && other.length !== logits.length) {
      throw new ShapeError(
        `[eval/evaluate] expected models of one vocabulary, got ${logits.length} and ${other.length} logits for a window`,
      )
    }
    const vocabulary = logits.length / window.tokens.length
    for (let i = window.from; i < window.tokens.length; i++) {
      const row = logDistribution(logits, i - 1, vocabulary)
      const target = window.tokens[i]!
      const where = `token ${i} of window ${index}`
      nats.push(finite(-row.logs[target]!, 'the model', where))
      if (other === undefined) continue
      const reference = logDistribution(other, i - 1, vocabulary)
      const its = finite(-reference.logs[target]!, 'the model that it is compared with', where)
      kl.push(finite(divergenceOf(reference.logs, row.logs), 'the two models together', where))
      agree.push(row.likeliest === reference.likeliest ? 1 : 0)
      delta.push(nats.at(-1)! - its)
    }
    await step()
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

/** Runs a model over windows from an empty cache. */
export function logitsOf(model: CausalLM): LogitSource {
  return async ({ tokens }) => {
    const cache = model.createCache({ length: tokens.length })
    const { logits } = await model.forward(tokens, { cache, logits: 'all' })
    const values = toFloat32({ type: 'float32', dims: logits!.dims, data: await logits!.read() })
    logits!.dispose()
    cache.dispose()
    return values
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
  const recorded: Float32Array[] = []
  const step = pace(job, windows.length)
  for (const [index, window] of windows.entries()) {
    recorded.push(await source(window, index))
    await step()
  }
  return (_, index) => recorded[index]!
}

function logDistribution(
  logits: Float32Array,
  row: number,
  vocabulary: number,
): { logs: Float64Array; likeliest: number } {
  const logs = Float64Array.from(logits.subarray(row * vocabulary, (row + 1) * vocabulary))
  const likeliest = argmax(logs)
  const max = logs[likeliest]!
  let sum = 0
  for (let i = 0; i < vocabulary; i++) sum += Math.exp(logs[i]! - max)
  const total = max + Math.log(sum)
  for (let i = 0; i < vocabulary; i++) logs[i]! -= total
  return { logs, likeliest }
}

/** Σ p (ln p − ln q) */
function divergenceOf(p: Float64Array, q: Float64Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) {
    const weight = Math.exp(p[i]!)
    if (weight > 0) sum += weight * (p[i]! - q[i]!)
  }
  return sum
}
