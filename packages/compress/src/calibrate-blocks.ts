import { type Encoded, type JobOptions, type LayeredLM, ShapeError, type Tensor } from '@tersor/core-tensor'
import { GramStatistic } from '@tersor/core-tensor/statistics'

type Weights = ReadonlyMap<string, Tensor | Encoded>

/** What calibration knows about one block when it is its turn. */
export interface BlockStatistics {
  /** The block, or `layers` for the head. */
  readonly layer: number
  /** The block's linear weights, by name. */
  readonly weights: Weights
  /** xᵀx of each weight's input, (in, in) float64; weights that share an input share the tensor. */
  readonly grams: ReadonlyMap<string, Tensor>
  /** How many rows x had: all tokens. That of an expert has those of the tokens that chose it. */
  readonly samples: number
}

/**
 * Walks a model block by block over calibration text: collects the Gram matrices of a block's
 * inputs, lets `compress` replace its weights, and feeds the next block what the replaced one gives,
 * so that later blocks can make good for earlier losses (as in GPTQ, Frantar et al., 2022,
 * arXiv:2210.17323). One hidden state per token and one block's statistics are in memory.
 *
 * In a mixture of experts each expert is a layer of its own, with the Gram matrices of the tokens that
 * chose it; zeros where none did.
 *
 * @param windows  token sequences, each at most the context length
 * @param compress  gives the weights to replace, by name; called for each block and once for the head
 * @returns the model with all replacements
 * @example
 * import { cast } from '@tersor/core-tensor/reference'
 *
 * const config = configFromHuggingFace({
 *   num_hidden_layers: 1, num_attention_heads: 2, hidden_size: 8, intermediate_size: 8, vocab_size: 16,
 * })
 * const weights = new Map(
 *   Array.from(weightShapes(config), ([name, dims]) => [name, reference.empty('float32', dims)]),
 * )
 * const model = new Llama(config, weights)
 * const shapes: (readonly number[])[] = []
 * const small = await calibrateBlocks(model, [Int32Array.of(1, 2, 3)], ({ weights, grams }) => {
 *   for (const gram of new Set(grams.values())) shapes.push(gram.dims)
 *   return new Map(Array.from(weights, ([name, weight]) => [name, dense(cast(decode(weight), 'float16'))]))
 * })
 * shapes // => [[8, 8], [8, 8], [8, 8], [8, 8], [8, 8]]
 * byteLength(small.weights.get('lm_head.weight')!) // => 258
 */
export async function calibrateBlocks(
  model: LayeredLM,
  windows: readonly Int32Array[],
  compress: (block: BlockStatistics) => Promise<Weights> | Weights,
  { signal, onProgress }: JobOptions = {},
): Promise<LayeredLM> {
  if (windows.length === 0)
    throw new ShapeError('[models/calibrate-blocks] expected at least one window of tokens, got none')
  const { layers } = model.config
  const samples = windows.reduce((sum, { length }) => sum + length, 0)
  let current = model
  const states = windows.map(tokens => model.embed(tokens))
  for (let layer = 0; layer <= layers; layer++) {
    signal?.throwIfAborted()
    const statistics = new Map<string, GramStatistic>()
    const run = (x: Tensor, collect: boolean): Tensor => {
      const taps = collect
        ? { linear: (names: readonly string[], input: Tensor) => addInput(statistics, names, input) }
        : undefined
      if (layer === layers) return current.head(x, taps)
      const cache = current.createCache()
      const y = current.block(layer, x, { cache, ...(taps === undefined ? {} : { taps }) })
      cache.dispose()
      return y
    }
    for (const x of states) run(x, true).dispose()
    const weights = new Map([...statistics.keys()].map(name => [name, current.weights.get(name)!]))
    const grams = new Map(Array.from(statistics, ([name, statistic]) => [name, statistic.value]))
    const replaced = await compress({ layer, weights, grams, samples })
    if (replaced.size > 0) current = current.with(replaced)
    for (const tensor of new Set(grams.values())) tensor.dispose()
    if (layer < layers) {
      states.forEach((x, i) => {
        states[i] = run(x, false)
        x.dispose()
      })
    }
    onProgress?.(layer + 1, layers + 1)
  }
  for (const x of states) x.dispose()
  return current
}

/** Counts an input in; weights that share it share one statistic. */
function addInput(statistics: Map<string, GramStatistic>, names: readonly string[], x: Tensor): void {
  const statistic = statistics.get(names[0]!) ?? new GramStatistic(x.dims.at(-1)!)
  for (const name of names) statistics.set(name, statistic)
  statistic.add(x)
}
