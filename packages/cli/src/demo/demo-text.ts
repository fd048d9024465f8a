import type { Device } from '@tersor/core-tensor'
import type { EvaluationWindow } from '@tersor/eval'
import type { ModelFile } from '@tersor/models'
import { CALIBRATION_SEED, firstToken, sampledWindows, tokenizerOf } from '../calibration.ts'
import { storyWindows, trainingWindows } from '../story-text.ts'
import type { Progress } from '../terminal/progress.ts'

/** Less than what `tersor compress` takes, for the sake of those who wait. */
const CALIBRATION_TOKENS = 8_192
/** For bundled models, which are larger than most that are tried here. */
const BUNDLED_CALIBRATION_TOKENS = 2_048
const EVALUATION_SEED = 2

/** What a model is evaluated on, in words and in windows, and what calibrated methods see. */
export interface DemoText {
  readonly text: string
  readonly windows: EvaluationWindow[]
  readonly calibration: Int32Array[]
}

/** For bundled models: the kind of text that they were trained on is made, not drawn. */
export async function generatedText(file: ModelFile, tokens: number): Promise<DemoText> {
  const tokenizer = await tokenizerOf(file, undefined)
  const contextLength = file.config!.contextLength
  const { windows } = storyWindows(tokenizer, { tokens, seed: EVALUATION_SEED, contextLength })
  const options = { tokens: BUNDLED_CALIBRATION_TOKENS, seed: CALIBRATION_SEED, contextLength }
  const calibration = trainingWindows(tokenizer, options)
  return { text: 'of stories that no model was trained on', windows, calibration }
}

/** For any model: it writes what it is evaluated on. */
export async function drawnText(
  file: ModelFile,
  tokens: number,
  {
    progress,
    calibrated = true,
    ...where
  }: {
    device: Device
    signal: AbortSignal
    progress: (label: string) => Progress
    /** Whether text to calibrate with is wanted; true by default. */
    calibrated?: boolean
  },
): Promise<DemoText> {
  const bos = firstToken(await file.openTokenizer())
  const draw = (label: string, count: number, seed: number) =>
    sampledWindows(file, { tokens: count, seed, bos, ...where, progress: progress(label) })
  const windows = (await draw('drawing evaluation text', tokens, EVALUATION_SEED)).map(window => ({
    tokens: window,
    from: 1,
  }))
  const calibration = calibrated
    ? await draw('drawing calibration text', CALIBRATION_TOKENS, CALIBRATION_SEED)
    : []
  return { text: 'that the float model drew itself', windows, calibration }
}
