import type { Encoded, LayeredModel, Tensor } from '@tersor/core-tensor'
import { residentWeight } from '@tersor/models'
import type { BlockStatistics } from './block-statistics.ts'
import { GatheredInputs } from './gathered-inputs.ts'
import { ModelStatistics } from './model-statistics.ts'
import { requireFiniteWeight } from './require-finite.ts'
import { TextInputs } from './text-inputs.ts'
import type { CalibrateOptions } from './walk-options.ts'
import { planWalk } from './walk-plan.ts'

type Weights = ReadonlyMap<string, Tensor | Encoded>

/**
 * Walks a model block by block over calibration text: gathers statistics of a block's inputs, lets
 * `compress` replace its weights, and feeds the next block what the replaced one gives, so that later
 * blocks can make good for earlier losses (as in GPTQ, Frantar et al., 2022, arXiv:2210.17323).
 *
 * The walk runs on the model's device; statistics lie in ordinary memory, and what replaces a weight may
 * come from anywhere: it is packed for the device. One hidden state for each token (two for `both`) and one
 * block's statistics are in memory. The head is handed over last where `head` asks for it, and never where it
 * is the embedding too: whoever multiplies it is not all that reads it.
 *
 * In a mixture of experts each expert is a layer of its own, with statistics of the tokens that
 * chose it; zeros where none did.
 *
 * @param text  token sequences, each at most the context length; or what `collectStatistics` gathered, and then
 *   the model does not run
 * @param compress  gives the weights to replace, by name; called for each block
 * @returns the model with all replacements
 * @throws {NumericalError} when a weight, a replacement or an activation is NaN or infinite, naming it
 * @throws {UnsupportedError} when gathered statistics lack what is asked for
 * @example
 * import { cast } from '@tersor/core-tensor/reference'
 * import { configFromHuggingFace, Decoder, weightShapes } from '@tersor/models'
 *
 * const config = configFromHuggingFace({
 *   model_type: 'llama', max_position_embeddings: 32,
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 12, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Decoder(config, weights)
 * const shapes: (readonly number[])[] = []
 * const small = await calibrateBlocks(
 *   model,
 *   [Int32Array.of(1, 2, 3)],
 *   { statistics: ['gram'] },
 *   ({ weights, statistics }) => {
 *     for (const { gram } of new Set(statistics.values())) shapes.push(gram!.dims)
 *     return new Map(Array.from(weights, ([name, weight]) => [name, dense(cast(decode(weight), 'float16'))]))
 *   },
 * )
 * shapes // => [[8, 8], [8, 8], [8, 8], [12, 12]]
 * byteLength(small.weights.get('layers.0.feedForward.down')!) // => 194
 */
export async function calibrateBlocks<M extends LayeredModel>(
  model: M,
  text: readonly Int32Array[] | ModelStatistics,
  options: CalibrateOptions,
  compress: (block: BlockStatistics) => Promise<Weights> | Weights,
): Promise<M> {
  const { statistics, from = 0, head = false } = options
  const layers = model.config.mixers.length
  const plan = planWalk(model, statistics, from, head)
  const source =
    text instanceof ModelStatistics
      ? new GatheredInputs(model, text, plan, options)
      : new TextInputs(model, text, plan, options)
  try {
    for (const [name, weight] of model.weights) await requireFiniteWeight(`'${name}'`, weight, model.device)
    let current = await withReplaced(model, options.replaced ?? new Map())
    for (let layer = 0; layer <= layers; layer++) {
      const gathered = await source.before(layer, current)
      const weights = new Map(plan.weights(layer).map(name => [name, current.weights.get(name)!]))
      if (layer >= from && weights.size > 0)
        current = await withReplaced(current, await compress({ layer, weights, ...gathered }))
      await source.after(layer, current)
    }
    return current
  } finally {
    source.dispose()
  }
}

/** A model with other weights, packed for its device. */
async function withReplaced<M extends LayeredModel>(model: M, replaced: Weights): Promise<M> {
  if (replaced.size === 0) return model
  const resident = new Map<string, Tensor | Encoded>()
  for (const [name, weight] of replaced) {
    const placed = await residentWeight(weight, model.device)
    await requireFiniteWeight(`what replaces '${name}'`, placed, model.device)
    resident.set(name, placed)
  }
  // It gives a model of its own kind.
  return model.with(resident) as M
}
