// pnpm --filter tiny-lm-training n-gram [FOLDER]: a trained model beside a 5-gram model of the same tokens, on held-out text.
// Writes what it found into the folder's training.json.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { createWasmDevice } from '@tersor/backend-wasm'
import { BpeEncoder, Corpus, type Window } from 'tiny-lm-corpus'
import { callerPath } from '../../../../config/caller-path.ts'
import { KneserNey } from './kneser-ney.ts'
import { loadFloats } from './load-floats.ts'
import { type Recipe, recipes, windowsOf } from './recipe.ts'
import { tokenLosses } from './token-losses.ts'

const HELD_OUT_WINDOWS = 300
const [given] = process.argv.slice(2)
const folder =
  given === undefined
    ? fileURLToPath(new URL('../../../../packages/tiny-lm/model', import.meta.url))
    : callerPath(given)
const logFile = join(folder, 'training.json')
const log = JSON.parse(readFileSync(logFile, 'utf8')) as { recipe: string; steps: number; seed: number }
const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
const encoder = new BpeEncoder(tokenizer)
const recipe: Recipe = recipes[log.recipe as keyof typeof recipes]

function* documentsOf(
  windows: Iterable<Window>,
): Generator<{ family: string; start: number; tokens: Int32Array }> {
  for (const { tokens, borders, families } of windows) {
    for (const [i, family] of families.entries()) {
      const [start, end] = [borders[i]!, borders[i + 1]!]
      if (family !== 'padding') yield { family, start, tokens: tokens.subarray(start, end) }
    }
  }
}

function* trainingDocuments(): Generator<Int32Array> {
  const windows = windowsOf({ encoder, seed: log.seed }, recipe)
  for (let step = 0; step < log.steps; step++) {
    for (const { tokens } of documentsOf(windows(step))) yield tokens
  }
}

const nGrams = new KneserNey(trainingDocuments())
const device = await (nativeAvailable() ? createNativeDevice() : createWasmDevice())
const model = await loadFloats(folder, device)
const heldOut = new Corpus({ encoder, seed: 1_000_003, split: 'held-out' })
const sums = new Map<string, { tokens: number; model: number; nGrams: number }>()
for (let index = 0; index < HELD_OUT_WINDOWS; index++) {
  const window = heldOut.window(index, recipe.config.contextLength)
  const losses = tokenLosses(model, window)
  for (const { family, start, tokens } of documentsOf([window])) {
    const expected = nGrams.nats(tokens)
    for (const part of [family, 'mixture']) {
      const sum = sums.get(part) ?? { tokens: 0, model: 0, nGrams: 0 }
      sum.tokens += expected.length
      for (let i = 0; i < expected.length; i++) {
        sum.model += losses[start + i]!
        sum.nGrams += expected[i]!
      }
      sums.set(part, sum)
    }
  }
}
device.dispose()

const figures = Object.fromEntries(
  Array.from(sums, ([part, sum]) => {
    const [own, theirs] = [Math.exp(sum.model / sum.tokens), Math.exp(sum.nGrams / sum.tokens)]
    return [
      part,
      {
        tokens: sum.tokens,
        perplexity: Number(own.toFixed(4)),
        kneserNey5: Number(theirs.toFixed(4)),
        ratio: Number((own / theirs).toFixed(4)),
      },
    ]
  }),
)
console.table(figures)
writeFileSync(logFile, `${JSON.stringify({ ...log, heldOut: figures }, null, 1)}\n`)
