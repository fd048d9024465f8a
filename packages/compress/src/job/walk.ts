import type { FileHandle } from 'node:fs/promises'
import {
  byteLength,
  decode,
  type Encoded,
  isEncoded,
  type LayerContext,
  reference,
  type Tensor,
  transfer,
} from '@tersor/core-tensor'
import { weightSnr } from '@tersor/eval'
import { safetensorsPieces } from '@tersor/formats'
import { compressWeight, type WeightTask } from './compress-weight.ts'
import type { RunOptions } from './create-job.ts'
import type { Slice } from './cut-rows.ts'
import type { Journal } from './journal.ts'
import type { TensorOutcome } from './outcome.ts'
import { sliceReader } from './slice-reader.ts'
import { slicesOf } from './slices-of.ts'
import type { Work } from './work.ts'
import { type Written, writeSlices } from './write-slices.ts'

/** What became of a tensor. */
interface Made extends Written {
  readonly dims: readonly number[]
}

/** The work on tensors: each is loaded, compressed, written and noted once. */
export class Walk {
  readonly work: Work
  readonly journal: Journal
  readonly options: RunOptions
  #done: number

  constructor(work: Work, journal: Journal, options: RunOptions) {
    this.work = work
    this.journal = journal
    this.options = options
    this.#done = work.model.names.filter(name => this.isDone(name)).length
    this.#report()
  }

  isDone(name: string): boolean {
    return this.journal.get(name) !== undefined
  }

  /** Everything that is not done yet, one tensor in memory at a time, or a slice of a large one. */
  async tensors(): Promise<void> {
    const { model, rules, sliceElements } = this.work
    for (const name of model.names) {
      if (this.isDone(name)) continue
      const slices = slicesOf(model, name, rules.get(name)?.use, sliceElements)
      if (slices === undefined) await this.compress(name)
      else await this.#compressSlices(name, slices)
    }
  }

  /** Compresses one tensor, writes it, and notes what became of it. */
  async compress(name: string, statistics?: LayerContext['statistics']): Promise<Tensor | Encoded> {
    this.options.signal?.throwIfAborted()
    const { model } = this.work
    const weight = await model.load(name)
    const task = { ...this.#taskOf(name), statistics }
    const { stored, outcome } = await this.#noted(name, () => compressWeight(weight, task))
    const result = await transfer(stored, reference)
    const snr = weightSnr(isEncoded(weight) ? decode(weight) : weight, result)
    const made = { dims: weight.dims, outcome, bytes: byteLength(result), snr }
    const pieces = safetensorsPieces([[model.storedName(name), result]])
    await this.journal.add(name, pieces, sha256 => ({ outcome: this.#recordOf(name, made, sha256) }))
    this.#done++
    this.#report()
    return result
  }

  /** The same slice by slice; what is made of them is never in memory as a whole. */
  async #compressSlices(name: string, slices: readonly Slice[]): Promise<void> {
    const { model } = this.work
    const { dims } = model.info(name)
    const read = await sliceReader(model, name)
    const task = this.#taskOf(name)
    const storedName = model.storedName(name)
    const fill = (file: FileHandle) =>
      this.#noted(name, () => writeSlices(file, { name: storedName, dims, slices, read, task }))
    await this.journal.addFilled(name, fill, (sha256, made) => ({
      outcome: this.#recordOf(name, { dims, ...made }, sha256),
    }))
    this.#done++
    this.#report()
  }

  #taskOf(name: string): WeightTask {
    const { settings, rules, recipe } = this.work
    const { seed = 0, strict = true } = settings
    const { signal } = this.options
    return { name, seed, strict, use: rules.get(name)?.use, otherwise: recipe.otherwise, signal }
  }

  /** What `run` gives; a failure is written into the journal. */
  async #noted<T>(name: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (this.options.signal?.aborted !== true) await this.journal.note({ failed: name, reason })
      throw error
    }
  }

  #recordOf(name: string, { dims, outcome, bytes, snr }: Made, sha256: string): TensorOutcome {
    const { model } = this.work
    const { compressed } = model.info(name)
    const storedName = model.storedName(name)
    return {
      name,
      ...(storedName === name ? {} : { storedName }),
      dims,
      ...outcome,
      bytes,
      snr: Number.isFinite(snr) ? snr : null,
      ...(compressed === undefined ? {} : { against: compressed }),
      sha256,
    }
  }

  #report(): void {
    this.options.onProgress?.(this.#done, this.work.model.names.length)
  }
}
