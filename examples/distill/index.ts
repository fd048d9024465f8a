// A teacher learns a noisy language from plenty of text; then two students of one layer have little text: one
// learns from it alone, the other from it and from what the teacher thinks of it.

import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { Rng, reference, Tensor } from '@tersor/core-tensor'
import {
  crossEntropy,
  distillFrom,
  llamaStates,
  type TrainOptions,
  train,
  trainingRows,
} from '@tersor/distill'
import { configFromHuggingFace, Decoder, type DecoderConfig, weightShapes } from '@tersor/models'

const VOCABULARY = 24
const LENGTH = 64
const FEW = 8 // windows that the students have, over and over
const device = nativeAvailable() ? await createNativeDevice({ threads: 2 }) : reference

// The language: the next token follows from the last two, three times of four.
const grammar = new Rng(1)
const table = Int32Array.from({ length: VOCABULARY * VOCABULARY }, () => grammar.integer(VOCABULARY))

/** A text that depends on its number alone. */
function text(number: number) {
  const rng = new Rng(number)
  const tokens = new Int32Array(LENGTH)
  for (let i = 0; i < LENGTH; i++) {
    const follows = i >= 2 && rng.integer(4) > 0
    tokens[i] = follows ? table[tokens[i - 2]! * VOCABULARY + tokens[i - 1]!]! : rng.integer(VOCABULARY)
  }
  return { tokens }
}

const texts = (from: number, count: number) => Array.from({ length: count }, (_, i) => text(from + i))
const heldOut = trainingRows(texts(1_000_000, 32))

const teacher = await learn('teacher, new text in each step', 2, 64, 300, {
  data: step => texts(8 * step, 8),
})
const few = { data: () => texts(0, FEW) }
await learn('student alone', 1, 32, 150, few)
await learn('student with the teacher', 1, 32, 150, {
  ...few,
  objective: distillFrom(teacher, { textShare: 0.2, temperature: 2 }),
})
device.dispose()

/** Trains a model and prints what it is worth on text that it never saw. */
async function learn(
  name: string,
  layers: number,
  width: number,
  steps: number,
  options: Pick<TrainOptions, 'data' | 'objective'>,
): Promise<Decoder> {
  const config = configFromHuggingFace({
    model_type: 'llama',
    max_position_embeddings: LENGTH,
    num_hidden_layers: layers,
    num_attention_heads: 4,
    hidden_size: width,
    intermediate_size: 3 * width,
    vocab_size: VOCABULARY,
    tie_word_embeddings: true,
  })
  let speed = 0
  const model = await train(untrained(config), {
    steps,
    adamW: { rate: 0.01 },
    onProgress: ({ tokensPerSecond }) => (speed = tokensPerSecond),
    ...options,
  })
  const { logits } = llamaStates(config, model.weights as ReadonlyMap<string, Tensor>, heldOut)
  const { loss } = crossEntropy(logits, heldOut.targets, { weights: heldOut.weights })
  console.log(
    `${name.padEnd(32)} ${loss.toFixed(3)} nats a token on text unseen (guessing: ${Math.log(VOCABULARY).toFixed(3)}), ${speed.toFixed(0)} tokens/s`,
  )
  return model
}

function untrained(config: DecoderConfig): Decoder {
  const rng = new Rng(2)
  const weights = new Map<string, Tensor>()
  for (const [name, dims] of weightShapes(config)) {
    const size = dims.reduce((a, b) => a * b)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.1 * rng.normal()))
    weights.set(name, device.upload(new Tensor('float32', values, dims)))
  }
  return new Decoder(config, weights, device)
}
