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
import { compressWeight } from './compress-weight.ts'
import type { RunOptions } from './create-job.ts'
import type { Journal } from './journal.ts'
import type { TensorOutcome } from './outcome.ts'
import type { Work } from './work.ts'

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

  /** Everything that is not done yet, one tensor in memory at a time. */
  async tensors(): Promise<void> {
    for (const name of this.work.model.names) {
      if (!this.isDone(name)) await this.compress(name)
    }
  }

  /** Compresses one tensor, writes it, and notes what became of it. */
  async compress(name: string, statistics?: LayerContext['statistics']): Promise<Tensor | Encoded> {
    this.options.signal?.throwIfAborted()
    const { settings, rules, recipe, model } = this.work
    const { seed = 0, strict = true } = settings
    const weight = await model.load(name)
    const { stored, outcome } = await compressWeight(weight, {
      ...{ name, seed, strict, statistics },
      use: rules.get(name)?.use,
      otherwise: recipe.otherwise,
      signal: this.options.signal,
    }).catch(async error => {
      const reason = error instanceof Error ? error.message : String(error)
      if (this.options.signal?.aborted !== true) await this.journal.note({ failed: name, reason })
      throw error
    })
    const result = await transfer(stored, reference)
    const snr = weightSnr(isEncoded(weight) ? decode(weight) : weight, result)
    const { compressed } = model.info(name)
    const storedName = model.storedName(name)
    const record = {
      name,
      ...(storedName === name ? {} : { storedName }),
      dims: weight.dims,
      ...outcome,
      bytes: byteLength(result),
      snr: Number.isFinite(snr) ? snr : null,
      ...(compressed === undefined ? {} : { against: compressed }),
    }
    await this.journal.add(name, safetensorsPieces([[storedName, result]]), sha256 => ({
      outcome: { ...record, sha256 } satisfies TensorOutcome,
    }))
    this.#done++
    this.#report()
    return result
  }

  #report(): void {
    this.options.onProgress?.(this.#done, this.work.model.names.length)
  }
}
