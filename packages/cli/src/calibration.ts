import { sampleWindows } from '@tersor/compress'
import { type Device, type Tokenizer, UnsupportedError } from '@tersor/core-tensor'
import { evaluationWindows } from '@tersor/eval'
import { loadModel, type ModelFile, openTokenizer } from '@tersor/models'
import type { Flag } from './command/flag.ts'
import type { Progress } from './terminal/progress.ts'
import { readTextFile } from './text-file.ts'

/** Tokens that calibration samples where no text is given. */
export const CALIBRATION_TOKENS = 16_384
/** The seed of those samples; evaluation draws with others. */
export const CALIBRATION_SEED = 1

/** Windows longer than this cost more attention than they teach. */
const MAX_WINDOW = 2048

/** `--tokenizer` of every command that reads text. */
export const tokenizerFlag = {
  type: 'string',
  value: 'FILE',
  help: "tokenizer.json, a llama2.c tokenizer or a GGUF model, where the tokenizer is not in or beside the model's file",
} as const satisfies Flag

/**
 * The tokenizer of a model: from `path` if given, else the one in or beside its file.
 *
 * @param other  a model of the same vocabulary, whose tokenizer serves where the file has none
 */
export async function tokenizerOf(
  file: ModelFile,
  path: string | undefined,
  other?: ModelFile,
): Promise<Tokenizer> {
  const tokenizer =
    path === undefined
      ? ((await file.openTokenizer()) ?? (await other?.openTokenizer()))
      : await openTokenizer(path)
  if (tokenizer === undefined)
    throw new UnsupportedError(
      '[cli/tokenizer] found no tokenizer in or beside the model; pass --tokenizer FILE',
    )
  const vocabSize = file.config?.vocabSize
  if (vocabSize !== undefined && writesBeyond(tokenizer, vocabSize)) {
    throw new UnsupportedError(
      `[cli/tokenizer] expected a tokenizer of at most the model's ${vocabSize} tokens, got one of ${tokenizer.vocabSize}; pass the model's own with --tokenizer FILE`,
    )
  }
  return tokenizer
}

/** Whether text may become tokens that a model lacks: special ones beyond its own, as Gemma 3's for images, stand in no text. */
function writesBeyond(tokenizer: Tokenizer, vocabSize: number): boolean {
  for (let id = vocabSize; id < tokenizer.vocabSize; id++) if (tokenizer.decode([id]) !== '') return true
  return false
}

/** Token windows of a text file to calibrate on. */
export async function textWindows(
  file: ModelFile,
  tokenizer: Tokenizer,
  path: string,
): Promise<Int32Array[]> {
  const tokens = tokenizer.encode(await readTextFile(path))
  const contextLength = Math.min(file.config?.contextLength ?? MAX_WINDOW, MAX_WINDOW)
  const bos = tokenizer.addsBos ? tokenizer.bos : undefined
  return evaluationWindows(tokens, { contextLength, bos }).map(window => window.tokens)
}

/** What a text that a model draws begins with: models without a beginning token go on from the end of another text. */
export function firstToken(tokenizer: Tokenizer | undefined): number {
  return tokenizer?.bos ?? tokenizer?.eos ?? 1
}

/** Token windows that the model draws itself: its own kind of text, without a file. */
export async function sampledWindows(
  file: ModelFile,
  options: {
    tokens: number
    seed: number
    bos: number
    device: Device
    signal: AbortSignal
    progress: Progress
  },
): Promise<Int32Array[]> {
  const { progress, device, ...sampling } = options
  const model = await loadModel(file, { device, signal: options.signal })
  try {
    return await sampleWindows(model, {
      ...sampling,
      onProgress: (done, total) => progress.update(done, total),
    })
  } finally {
    progress.end()
    model.dispose()
  }
}
