import type { CausalLM, Device, JobOptions, Tokenizer } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluate, evaluationWindows } from '@tersor/eval'
import { type Decoder, loadModel, type ModelFile } from '@tersor/models'
import type { Score } from './messages.ts'

/** Tokens of a text that are scored at a time, and after which it is cut. */
const MAX_TOKENS = 512

/** Tokens that are read before time is taken: a device compiles and wakes its threads at the first. */
const WARM_UP = 16

/** Scores a text under a model and under its original, which is in memory for as long as that takes. */
export async function compareModels(
  compressed: Decoder,
  { file, device, tokenizer, text }: { file: ModelFile; device: Device; tokenizer: Tokenizer; text: string },
  job: JobOptions,
): Promise<{ original: Score; compressed: Score }> {
  const windows = windowsOf(text, tokenizer, compressed.config.contextLength)
  const after = await score(compressed, windows, job)
  const original = await loadModel(file, { device, signal: job.signal })
  try {
    return { original: await score(original, windows, job), compressed: after }
  } finally {
    original.dispose()
  }
}

function windowsOf(text: string, tokenizer: Tokenizer, context: number): readonly EvaluationWindow[] {
  const { bos, addsBos } = tokenizer
  const tokens = Int32Array.from(tokenizer.encode(text)).subarray(0, MAX_TOKENS)
  if (tokens.length < 2)
    throw new Error('expected a text of two tokens or more to score, got less; write some')
  return evaluationWindows(tokens, {
    contextLength: Math.min(context, MAX_TOKENS),
    bos: addsBos ? bos : undefined,
  })
}

async function score(model: CausalLM, windows: readonly EvaluationWindow[], job: JobOptions): Promise<Score> {
  const first = windows.slice(0, 1).map(({ tokens, from }) => ({ tokens: tokens.subarray(0, WARM_UP), from }))
  await evaluate(model, first, { signal: job.signal })
  const start = performance.now()
  const { perplexity, tokens } = await evaluate(model, windows, job)
  return { perplexity, tokensPerSecond: (1000 * tokens) / (performance.now() - start) }
}
