import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tensor } from '@tersor/core-tensor'
import { openSafetensors } from '@tersor/formats'

const data = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url))

/** The golden checkpoints of the reference implementation, where they lie beside the repository. */
export const goldenRoot = join(data, 'golden/architectures')

export const hasGoldens = existsSync(goldenRoot)

if (!hasGoldens) console.log(`skipped: golden architectures need ${goldenRoot}`)

/** The form in which a checkpoint lies there. */
export type GoldenKind = 'safetensors' | 'gguf'

/** One folder of it: a tiny checkpoint and what the reference computes with it. */
export class Golden {
  readonly folder: string
  readonly #files: ReadonlySet<string>

  constructor(name: string) {
    this.folder = join(goldenRoot, name)
    this.#files = new Set(hasGoldens ? readdirSync(this.folder) : [])
  }

  has(file: string): boolean {
    return this.#files.has(file)
  }

  path(file: string): string {
    return join(this.folder, file)
  }

  /** The forms that there are. */
  get kinds(): readonly GoldenKind[] {
    return this.has('model.gguf') ? ['safetensors', 'gguf'] : ['safetensors']
  }

  /** What `loadModel` takes. */
  source(kind: GoldenKind): string {
    return kind === 'gguf' ? this.path('model.gguf') : this.folder
  }

  json(file: string): Record<string, unknown> {
    return JSON.parse(readFileSync(this.path(file), 'utf8'))
  }

  /** What the model gives when it is read from its safetensors or from its GGUF. */
  async expected(from: GoldenKind = 'safetensors'): Promise<Map<string, Tensor>> {
    const own = from === 'gguf' && this.has('expected_gguf.safetensors')
    const file = await openSafetensors(this.path(own ? 'expected_gguf.safetensors' : 'expected.safetensors'))
    const found = new Map<string, Tensor>()
    for (const name of file.tensors.keys()) found.set(name, await file.read(name))
    await file.close()
    return found
  }
}

/** The largest difference of two lists of numbers. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = difference
  }
  return largest
}
