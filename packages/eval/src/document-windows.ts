import { ShapeError, type Tokenizer } from '@tersor/core-tensor'
import { type EvaluationWindow, evaluationWindows, type WindowOptions } from './evaluation-windows.ts'

/**
 * Windows of documents, each in a window of its own behind the beginning token where the model's texts
 * have one; long ones are cut into
 * several, each of which begins with it. Every token is scored once.
 *
 * Use it for texts that have nothing to do with each other, to score them or, with the windows' `tokens`, to
 * calibrate on them: a model that learned one document at a time loses its way where they are joined. For one
 * long text take {@link evaluationWindows}.
 *
 * @param documents  their texts; those without a token to score, such as empty ones, are left out
 * @throws {ShapeError} when none is left, or the stride does not fit the context
 * @example
 * const encode = (text: string) => Int32Array.from(text, char => char.charCodeAt(0))
 * const tokenizer = { bos: 1, addsBos: true, encode }
 * const windows = documentWindows(tokenizer, ['ab', '', 'ABC'], { contextLength: 3 })
 * windows.map(({ tokens }) => [...tokens]) // => [[1, 97, 98], [1, 65, 66], [1, 66, 67]]
 * windows.map(({ from }) => from) // => [1, 1, 2]
 */
export function documentWindows(
  tokenizer: Pick<Tokenizer, 'encode' | 'bos' | 'addsBos'>,
  documents: Iterable<string>,
  options: Omit<WindowOptions, 'bos'>,
): EvaluationWindow[] {
  const bos = tokenizer.addsBos ? tokenizer.bos : undefined
  const least = bos === undefined ? 2 : 1
  const windows = Array.from(documents, text => tokenizer.encode(text))
    .filter(({ length }) => length >= least)
    .flatMap(tokens => evaluationWindows(tokens, { ...options, bos }))
  if (windows.length === 0)
    throw new ShapeError('[eval/windows] expected a document with a token to score, got none')
  return windows
}
