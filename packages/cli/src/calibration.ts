import { readFile } from 'node:fs/promises'
import { sampleWindows } from '@tersor/compress'
import { type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import { evaluationWindows } from '@tersor/eval'
import { loadModel, type ModelFile, openTokenizer } from '@tersor/models'
import type { Progress } from './terminal/progress.ts'

/** Tokens that calibration samples where no text is given. */
export const CALIBRATION_TOKENS = 16_384
/** The seed of those samples; evaluation draws with others. */
export const CALIBRATION_SEED = 1

/** Windows longer than this cost more attention than they teach. */
const MAX_WINDOW = 2048

/** The tokenizer of a model: from `path` if given, else the one in or beside its file. */
export async function tokenizerOf(file: ModelFile, path: string | undefined): Promise<Tokenizer> {
  const tokenizer = path === undefined ? await file.openTokenizer() : await openTokenizer(path)
  if (tokenizer === undefined)
    throw new UnsupportedError(
      '[cli/tokenizer] found no tokenizer in or beside the model; pass --tokenizer FILE',
    )
  const vocabSize = file.config?.vocabSize
  if (vocabSize !== undefined && tokenizer.vocabSize > vocabSize) {
    throw new UnsupportedError(
      `[cli/tokenizer] expected a tokenizer of at most the model's ${vocabSize} tokens, got one of ${tokenizer.vocabSize}; pass the model's own with --tokenizer FILE`,
    )
  }
  return tokenizer
}

/** Token windows of a text file to calibrate on. */
export async function textWindows(
  file: ModelFile,
  tokenizer: Tokenizer,
  path: string,
): Promise<Int32Array[]> {
  const tokens = tokenizer.encode(await readFile(path, 'utf8'))
  const contextLength = Math.min(file.config?.contextLength ?? MAX_WINDOW, MAX_WINDOW)
  return evaluationWindows(tokens, { contextLength, bos: tokenizer.bos }).map(window => window.tokens)
}

/** Token windows that the model draws itself: its own kind of text, without a file. */
export async function sampledWindows(
  file: ModelFile,
  options: { tokens: number; seed: number; bos: number; progress: Progress },
): Promise<Int32Array[]> {
  const { progress, ...sampling } = options
  const windows = await sampleWindows(await loadModel(file), {
    ...sampling,
    onProgress: (done, total) => progress.update(done, total),
  })
  progress.end()
  return windows
}
