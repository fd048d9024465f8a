import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Tensor } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'

const folder = fileURLToPath(new URL('../../../../tooling/golden/architecture-variants/', import.meta.url))

/** A tiny checkpoint whose weights are a formula of their names, and what the reference computes with it. */
export interface SmallGolden {
  readonly name: string
  /** What it tells apart. */
  readonly why: string
  readonly architecture: string
  readonly config: Record<string, unknown>
  readonly encoder?: boolean
  /** Keys of the configuration with which the numbers are others, so that a test of it can fail. */
  readonly otherwise?: Record<string, unknown>
  readonly tensors: readonly (readonly [
    name: string,
    dims: readonly number[],
    mean: number,
    deviation: number,
  ])[]
  readonly tokens: readonly number[]
  /** Logits, or the last hidden state of an encoder, at some positions. */
  readonly expected: { readonly [position: string]: readonly number[] }
}

/** Made by `tooling/golden/architecture-variants/make.py`. */
export async function smallGoldens(file: 'variants' | 'families'): Promise<readonly SmallGolden[]> {
  return JSON.parse(await readFile(join(folder, `${file}.json`), 'utf8'))
}

/** Writes a golden as a folder of Hugging Face's, which is removed after `use`. */
export async function asFolder<T>(golden: SmallGolden, use: (folder: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'tersor-golden-'))
  try {
    const tensors = golden.tensors.map(([name, dims, mean, deviation]): [string, Tensor] => [
      name,
      new Tensor('float32', formula(name, { dims, mean, deviation }), dims),
    ])
    await writeFile(join(path, 'model.safetensors'), encodeSafetensors(tensors))
    await writeFile(join(path, 'config.json'), JSON.stringify(golden.config))
    return await use(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

/** Uniform numbers: a 32-bit hash of the name's own and the index, the same as in make.py. */
function formula(
  name: string,
  { dims, mean, deviation }: { dims: readonly number[]; mean: number; deviation: number },
): Float32Array {
  const seed = fnv(name)
  const size = dims.reduce((product, dim) => product * dim, 1)
  return Float32Array.from({ length: size }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b9) + seed) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0
    x = (x ^ (x >>> 16)) >>> 0
    return mean + deviation * Math.sqrt(3) * (x / 2 ** 31 - 1)
  })
}

function fnv(text: string): number {
  let value = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0
  return value
}
