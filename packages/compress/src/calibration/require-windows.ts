import { type LayeredModel, ShapeError } from '@tersor/core-tensor'

/** Throws unless there is text, and a model can read all of it. */
export function requireWindows(model: LayeredModel, windows: readonly Int32Array[]): void {
  const { contextLength, vocabSize } = model.config
  if (windows.length === 0)
    throw new ShapeError('[compress/calibration] expected at least one window of tokens, got none')
  for (const [i, window] of windows.entries()) {
    if (window.length === 0 || window.length > contextLength) {
      throw new ShapeError(
        `[compress/calibration] expected windows of 1 to ${contextLength} tokens, got ${window.length} in window ${i}`,
      )
    }
    const stray = window.find(token => token < 0 || token >= vocabSize)
    if (stray !== undefined) {
      throw new ShapeError(
        `[compress/calibration] expected tokens from 0 to ${vocabSize - 1}, got ${stray} in window ${i}`,
      )
    }
  }
}
