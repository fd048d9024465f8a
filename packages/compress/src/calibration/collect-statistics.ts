import { type LayeredModel, pace } from '@tersor/core-tensor'
import { hasHead } from './has-head.ts'
import { HiddenStates, type Look } from './hidden-states.ts'
import { ModelStatistics } from './model-statistics.ts'
import { requireFiniteWeight } from './require-finite.ts'
import { requireWindows } from './require-windows.ts'
import type { CollectOptions } from './walk-options.ts'
import { planWalk } from './walk-plan.ts'

/**
 * Runs a model over text and gathers statistics of what enters its linear weights.
 *
 * Use it to calibrate on several machines, or once for many jobs: the results merge, are saved with
 * `saveStatistics`, and are given to `calibrateBlocks` in the place of text. They are those of the model as
 * it is; where later blocks shall make good for the losses of earlier ones, give `calibrateBlocks` the text
 * itself. All blocks' statistics are in memory at the end: 8·in² bytes for each distinct input with `gram`.
 *
 * @param windows  token sequences, each at most the context length
 * @returns the statistics of all blocks
 * @throws {NumericalError} when a weight or an activation is NaN or infinite, naming it
 * @example
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
 * const gathered = await collectStatistics(model, [Int32Array.of(1, 2, 3)], { statistics: ['gram', 'absMax'] })
 * gathered.weights.length // => 7
 * gathered.get('layers.0.feedForward.down')?.gram?.dims // => [12, 12]
 */
export async function collectStatistics(
  model: LayeredModel,
  windows: readonly Int32Array[],
  { statistics, head = false, sample, ...job }: CollectOptions,
): Promise<ModelStatistics> {
  requireWindows(model, windows)
  const plan = planWalk(model, statistics, 0, head)
  const layers = model.config.mixers.length
  const blocks = Array.from({ length: layers }, (_, layer) => layer).filter(
    layer => plan.needs(layer) || plan.goesOn(layer),
  )
  const atHead = plan.needs(layers)
  const step = pace(job, windows.length * (blocks.length + (atHead ? 1 : 0)))
  for (const [name, weight] of model.weights) await requireFiniteWeight(`'${name}'`, weight, model.device)
  const gathered = new ModelStatistics()
  const look: Look = (names, x, source) =>
    gathered.collect(names, x, { statistics: plan.wanted(names), source, sample })
  const states = new HiddenStates(model, windows, step)
  try {
    for (const layer of blocks) {
      const advance = plan.goesOn(layer)
      await states.through(model, layer, { look: plan.needs(layer) ? look : undefined, advance })
    }
    if (atHead && hasHead(model)) await states.atHead(model, look)
  } finally {
    states.dispose()
  }
  return gathered
}
