import {
  FormatError,
  type LayerContext,
  NumericalError,
  ShapeError,
  type StatisticName,
  type Tensor,
} from '@tersor/core-tensor'
import { type InputsOptions, type Statistic, statistics } from '@tersor/core-tensor/statistics'

/** What was gathered of the inputs of one weight, by name. */
export type LayerStatistics = LayerContext['statistics']

/** Under this key a file says which weights share which statistics. */
const METADATA = 'statistics'

/** Something that linear weights multiply. */
interface Input {
  /** The weights that share it. */
  readonly weights: readonly string[]
  readonly statistics: Map<StatisticName, Statistic>
}

/**
 * Statistics of the inputs of a model's linear weights, which weights that share an input share. Those of
 * several texts merge, so that calibration can be spread over machines: each runs `collectStatistics` on its
 * own windows, and the saved results come together before the job.
 *
 * @example
 * const x = new Tensor('float32', [1, 2, 3, 4], [2, 2])
 * const [here, there] = [new ModelStatistics(), new ModelStatistics()]
 * for (const part of [here, there]) await part.collect(['q', 'k'], x, { statistics: ['gram'] })
 * here.merge(there)
 * here.get('k')?.gram?.data // => Float64Array [20, 28, 28, 40]
 * here.samples('k') // => 4
 */
export class ModelStatistics {
  /** By each weight. */
  readonly #inputs = new Map<string, Input>()

  /** The weights, in the order in which their inputs came first. */
  get weights(): readonly string[] {
    return [...this.#inputs.keys()]
  }

  /** What was gathered of a weight's inputs; undefined where it had none. */
  get(weight: string): LayerStatistics | undefined {
    return this.#inputs.has(weight) ? this.of([weight]).get(weight) : undefined
  }

  /** What was gathered of some weights' inputs, nothing where they had none; those that share an input share the object. */
  of(weights: readonly string[]): ReadonlyMap<string, LayerStatistics> {
    const values = new Map<Input | undefined, LayerStatistics>()
    for (const input of new Set(weights.map(weight => this.#inputs.get(weight)))) {
      const entries = Array.from(input?.statistics ?? [], ([name, { value }]) => [name, value] as const)
      values.set(input, Object.fromEntries(entries))
    }
    return new Map(weights.map(weight => [weight, values.get(this.#inputs.get(weight))!]))
  }

  /** Rows that a weight's inputs had in all: the tokens, or those of them that chose an expert. */
  samples(weight: string): number {
    return this.#first(weight)?.count ?? 0
  }

  /** How wide a weight's inputs are; undefined where it had none. */
  columns(weight: string): number | undefined {
    return this.#first(weight)?.columns
  }

  /** Which statistics there are of a weight's inputs. */
  names(weight: string): readonly StatisticName[] {
    return [...(this.#inputs.get(weight)?.statistics.keys() ?? [])]
  }

  /**
   * Counts an input in. What is needed of it is read before it can change.
   *
   * @param weights  those that share it
   * @param x  (tokens, in) on any device
   * @param options.source  tokens of the text that it is from
   * @param options.sample  how much of it `inputs` keeps
   * @throws {NumericalError} when an element is NaN or infinite, naming the weights
   */
  async collect(
    weights: readonly string[],
    x: Tensor,
    options: {
      statistics: readonly StatisticName[]
      source?: Int32Array | undefined
      sample?: InputsOptions | undefined
    },
  ): Promise<void> {
    const { source, sample } = options
    const gathered = this.#inputOf(weights)
    try {
      await Promise.all(
        options.statistics.map(name => {
          let statistic = gathered.get(name)
          if (statistic === undefined) {
            statistic = new statistics[name](x.dims.at(-1)!, sample)
            gathered.set(name, statistic)
          }
          return statistic.collect(x, { source })
        }),
      )
    } catch (error) {
      if (!(error instanceof NumericalError)) throw error
      throw new NumericalError(
        `[compress/calibration] expected a finite input of '${weights.join("', '")}', got another: ${error.message}`,
        { cause: error },
      )
    }
  }

  /**
   * Adds what another walk over the same model gathered of other text. The other one may share memory with this
   * one afterwards, and is of no further use.
   *
   * @throws {ShapeError} unless both are of the same weights and statistics, or one is empty
   */
  merge(other: ModelStatistics): this {
    if (this.#inputs.size === 0) for (const [weight, input] of other.#inputs) this.#inputs.set(weight, input)
    else if (other.#inputs.size > 0) {
      if (describe(this.#distinct()) !== describe(other.#distinct())) {
        throw new ShapeError(
          `[compress/statistics] expected statistics of the same weights, got ${describe(this.#distinct())} and ${describe(other.#distinct())}; collect them again with the same options`,
        )
      }
      for (const { weights, statistics } of this.#distinct()) {
        const same = other.#inputs.get(weights[0]!)!.statistics
        for (const [name, statistic] of statistics) statistic.merge(same.get(name)!)
      }
    }
    return this
  }

  /**
   * As plain tensors, such as `layers.0.feedForward.down.gram.count`;
   * {@link ModelStatistics.metadata} goes with them.
   */
  toTensors(): Map<string, Tensor> {
    const tensors = new Map<string, Tensor>()
    for (const { weights, statistics } of this.#distinct()) {
      for (const [name, statistic] of statistics) {
        for (const [part, tensor] of Object.entries(statistic.toTensors()))
          tensors.set(`${weights[0]}.${name}.${part}`, tensor)
      }
    }
    return tensors
  }

  /** Which weights share which statistics, as strings for the header of a file. */
  get metadata(): Readonly<Record<string, string>> {
    return { [METADATA]: describe(this.#distinct()) }
  }

  /**
   * Statistics from what {@link ModelStatistics.toTensors} and `metadata` gave.
   *
   * @throws {FormatError} when they contradict each other
   */
  static fromTensors(
    tensors: ReadonlyMap<string, Tensor>,
    metadata: ReadonlyMap<string, string>,
  ): ModelStatistics {
    const result = new ModelStatistics()
    for (const { weights, statistics: names } of parseInputs(metadata.get(METADATA))) {
      const gathered = result.#inputOf(weights)
      for (const name of names) {
        const prefix = `${weights[0]}.${name}.`
        const parts = Array.from(tensors)
          .filter(([key]) => key.startsWith(prefix))
          .map(([key, tensor]) => [key.slice(prefix.length), tensor] as const)
        gathered.set(name, statistics[name].fromTensors(Object.fromEntries(parts)))
      }
    }
    return result
  }

  #inputOf(weights: readonly string[]): Map<StatisticName, Statistic> {
    const known = this.#inputs.get(weights[0]!)
    if (known !== undefined) return known.statistics
    const input: Input = { weights: [...weights], statistics: new Map() }
    for (const weight of weights) this.#inputs.set(weight, input)
    return input.statistics
  }

  #first(weight: string): Statistic | undefined {
    const [statistic] = this.#inputs.get(weight)?.statistics.values() ?? []
    return statistic
  }

  #distinct(): Set<Input> {
    return new Set(this.#inputs.values())
  }
}

function describe(inputs: Iterable<Input>): string {
  return JSON.stringify(
    Array.from(inputs, ({ weights, statistics }) => ({ weights, statistics: [...statistics.keys()] })),
  )
}

/** What {@link describe} wrote, from a file of a stranger. */
function parseInputs(text: string | undefined): { weights: string[]; statistics: StatisticName[] }[] {
  if (text === undefined) {
    throw new FormatError(
      '[compress/statistics] expected a file of saveStatistics, got one without its metadata',
    )
  }
  const seen = new Set<string>()
  const isNew = (weight: unknown) => typeof weight === 'string' && seen.size < seen.add(weight).size
  const isInput = (entry: unknown) => {
    const { weights, statistics: names } = (entry ?? {}) as Record<string, unknown>
    return (
      Array.isArray(weights) &&
      weights.length > 0 &&
      weights.every(isNew) &&
      Array.isArray(names) &&
      new Set(names).size === names.length &&
      names.every(name => typeof name === 'string' && Object.hasOwn(statistics, name))
    )
  }
  let inputs: unknown
  try {
    inputs = JSON.parse(text)
  } catch {
    inputs = undefined
  }
  if (!Array.isArray(inputs) || !inputs.every(isInput)) {
    throw new FormatError(
      `[compress/statistics] expected inputs with the names of their weights, each once, and of statistics, got ${JSON.stringify(text.slice(0, 80))}`,
    )
  }
  return inputs as { weights: string[]; statistics: StatisticName[] }[]
}
