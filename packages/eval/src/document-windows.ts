import { ShapeError, type Tokenizer } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluationWindows, type WindowOptions } from './evaluation-windows.ts'

/**
 * Windows of documents, each in a window of its own behind the beginning token; long ones are cut into
 * several, each of which begins with it. Every token is scored once.
 *
 * Use it for texts that have nothing to do with each other, to score them or, with the windows' `tokens`, to
 * calibrate on them: a model that learned one document at a time loses its way where they are joined. For one
 * long text take {@link evaluationWindows}.
 *
 * @param documents  their texts; those without a token to score, such as empty ones, are left out
 * @throws {ShapeError} when none is left, or the stride does not fit the context
 * @example
 * const tokenizer: Tokenizer = {
 *   ...{ vocabSize: 256, bos: 1, eos: undefined },
 *   encode: text => Int32Array.from(text, char => char.charCodeAt(0)),
 *   decode: tokens => String.fromCharCode(...tokens),
 * }
 * const windows = documentWindows(tokenizer, ['ab', '', 'ABC'], { contextLength: 3 })
 * windows.map(({ tokens }) => [...tokens]) // => [[1, 97, 98], [1, 65, 66], [1, 66, 67]]
 * windows.map(({ from }) => from) // => [1, 1, 2]
 */
export function documentWindows(
  tokenizer: Tokenizer,
  documents: Iterable<string>,
  options: Omit<WindowOptions, 'bos'>,
): EvaluationWindow[] {
  const { bos } = tokenizer
  const least = bos === undefined ? 2 : 1
  const windows = Array.from(documents, text => tokenizer.encode(text))
    .filter(({ length }) => length >= least)
    .flatMap(tokens => evaluationWindows(tokens, { ...options, bos }))
  if (windows.length === 0)
    throw new ShapeError('[eval/windows] expected a document with a token to score, got none')
  return windows
}
