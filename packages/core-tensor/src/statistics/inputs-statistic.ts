import { FormatError, ShapeError } from '../errors.ts'
import { toFloat32 } from '../tensor/convert.ts'
import { isWhole, sizeOf } from '../tensor/dims.ts'
import { Tensor, type TensorLike } from '../tensor/tensor.ts'
import { saveCount, saved, savedCount } from './saved.ts'
import { type BatchOptions, onHost, requireSameColumns, type Statistic, samplesOf } from './statistic.ts'
import { hashWords } from './word-hash.ts'

const WHERE = 'statistics/InputsStatistic'

export interface InputsOptions {
  /** Samples that are kept, 1024 by default. */
  rows?: number | undefined
  /** Of the choice of samples; 0 by default. */
  seed?: number | undefined
}

/** A sample on its way into the statistic; the smaller its priority, the longer it stays. */
interface Kept {
  readonly priority: number
  /** (columns) */
  readonly row: Float32Array
}

/**
 * A bounded sample of the samples themselves that enter a layer, each as likely as any other.
 *
 * Use it for methods that fit a layer to its inputs: AQLM, PV-tuning, searches over a loss. It holds
 * 4·rows·columns bytes; where sums will do take `GramStatistic`.
 *
 * The rule: the priority of a sample is a hash of the seed, of what the batch's `source` names, and of the
 * sample's row in that batch; without a source the row counts on over all batches. The samples with the
 * smallest priorities stay. So with sources the choice depends on neither the order of batches, nor on how
 * they are spread over statistics that are merged, nor on the numbers themselves: two models' inputs for
 * the same text are sampled at the same tokens, on every device.
 *
 * @example
 * const statistic = new InputsStatistic(2, { rows: 1 })
 * statistic.add(new Tensor('float32', [1, 2, 3, 4, 5, 6], [3, 2]))
 * statistic.value.dims // => [1, 2]
 * statistic.count // => 3
 */
export class InputsStatistic implements Statistic {
  readonly columns: number
  readonly rows: number
  readonly seed: number
  /** By rising priority. */
  #kept: Kept[] = []
  #count = 0

  /** @throws {ShapeError} when `columns`, `rows` or `seed` is not a whole number ≥ 0 */
  constructor(columns: number, { rows = 1024, seed = 0 }: InputsOptions = {}) {
    sizeOf([rows, columns], WHERE)
    if (!isWhole(seed)) throw new ShapeError(`[${WHERE}] expected a whole seed ≥ 0, got ${seed}`)
    this.columns = columns
    this.rows = rows
    this.seed = seed
  }

  /**
   * A statistic from what {@link InputsStatistic.toTensors} gave.
   *
   * @throws {FormatError} when they contradict each other
   */
  static fromTensors(tensors: Record<string, TensorLike>): InputsStatistic {
    const inputs = saved(tensors, 'inputs', 'float32')
    const priorities = saved(tensors, 'priorities').data as Float64Array
    const [rows = -1, seed = -1, ...rest] = saved(tensors, 'sample').data as Float64Array
    const [kept = -1, columns = -1] = inputs.dims
    const count = savedCount(tensors)
    const rising = priorities.every((value, i) => isWhole(value) && (i === 0 || value >= priorities[i - 1]!))
    const fits = inputs.dims.length === 2 && priorities.length === kept && kept === Math.min(rows, count)
    if (!fits || !rising || !isWhole(rows) || !isWhole(seed) || rest.length > 0) {
      throw new FormatError(
        `[${WHERE}] expected inputs (kept, columns) with as many rising priorities, and a sample of [rows, seed], ` +
          `got [${inputs.dims}], ${priorities.length} priorities and [${[rows, seed, ...rest]}] of ${count}`,
      )
    }
    const statistic = new InputsStatistic(columns, { rows, seed })
    const values = inputs.data as Float32Array
    statistic.#kept = Array.from(priorities, (priority, i) => ({
      priority,
      row: values.slice(i * columns, (i + 1) * columns),
    }))
    statistic.#count = count
    return statistic
  }

  get count(): number {
    return this.#count
  }

  /** (the smaller of rows and count, columns) float32, by rising priority: its first rows are a smaller sample. */
  get value(): Tensor {
    const { columns } = this
    const values = new Float32Array(this.#kept.length * columns)
    for (const [i, { row }] of this.#kept.entries()) values.set(row, i * columns)
    return new Tensor('float32', values, [this.#kept.length, columns])
  }

  /**
   * @param x  (…, columns)
   * @throws {NumericalError} when an element is NaN or infinite
   * @throws {ShapeError} when the last dimension is not `columns`
   */
  add(x: TensorLike, { source }: BatchOptions = {}): void {
    const samples = samplesOf(x, this.columns, WHERE)
    const values = toFloat32(samples)
    const { columns, rows } = this
    const text = hashWords([this.seed % 2 ** 32, Math.floor(this.seed / 2 ** 32), ...hashWords(source ?? [])])
    const first = source === undefined ? this.#count : 0
    const limit = this.#kept.length < rows ? Infinity : (this.#kept.at(-1)?.priority ?? -1)
    const found: Kept[] = []
    for (let i = 0; i < samples.dims[0]!; i++) {
      const priority = priorityOf(text, first + i)
      if (priority <= limit) found.push({ priority, row: values.slice(i * columns, (i + 1) * columns) })
    }
    this.#keep(found)
    this.#count += samples.dims[0]!
  }

  async collect(x: Tensor, options?: BatchOptions): Promise<void> {
    const batch = onHost(x)
    this.add(batch instanceof Promise ? await batch : batch, options)
  }

  /**
   * Merged, equal batches of equal sources count twice, as they do when they are added.
   *
   * @throws {ShapeError} when the other one has other columns, rows, or another seed
   */
  merge(other: InputsStatistic): this {
    requireSameColumns(this, other, WHERE)
    if (this.rows !== other.rows || this.seed !== other.seed) {
      throw new ShapeError(
        `[${WHERE}] expected a sample of ${this.rows} rows with the seed ${this.seed}, got ${other.rows} and ${other.seed}`,
      )
    }
    this.#keep(other.#kept)
    this.#count += other.count
    return this
  }

  toTensors(): { inputs: Tensor; priorities: Tensor; sample: Tensor; count: Tensor } {
    const priorities = this.#kept.map(({ priority }) => priority)
    return {
      inputs: this.value,
      priorities: new Tensor('float64', priorities, [priorities.length]),
      sample: new Tensor('float64', [this.rows, this.seed], [2]),
      count: saveCount(this.#count),
    }
  }

  /** Keeps the best of what is there and what came. */
  #keep(found: readonly Kept[]): void {
    if (found.length > 0) this.#kept = [...this.#kept, ...found].sort(byPriority).slice(0, this.rows)
  }
}

/** Of equal priorities the row with the smaller numbers first, so that the order of merges does not matter. */
function byPriority(a: Kept, b: Kept): number {
  if (a.priority !== b.priority) return a.priority - b.priority
  const at = a.row.findIndex((value, i) => value !== b.row[i])
  return at < 0 ? 0 : a.row[at]! - b.row[at]!
}

/** A whole number below 2^53 that depends on all bits of what it is given. */
function priorityOf([a, b]: readonly [number, number], row: number): number {
  const [high, low] = hashWords([a, b, row % 2 ** 32, Math.floor(row / 2 ** 32)])
  return (high >>> 5) * 2 ** 26 + (low >>> 6)
}
