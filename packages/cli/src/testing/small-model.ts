import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Rng, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { configToHuggingFace, weightShapes } from '@tersor/models'

/** Bytes, three special tokens before them, and one block. */
export const smallConfig = {
  layers: 1,
  heads: 2,
  kvHeads: 2,
  headDim: 16,
  vocabSize: 259,
  contextLength: 64,
  ropeBase: 10000,
  hiddenSize: 32,
  intermediateSize: 48,
  epsilon: 1e-5,
  ropeLayout: 'half',
  tied: true,
} as const

/** A llama2.c tokenizer of single bytes. */
export function byteTokenizer(): Uint8Array {
  const pieces = [
    '<unk>',
    '<s>',
    '</s>',
    ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).padStart(2, '0')}>`),
  ]
  const chunks = pieces.flatMap(piece => [
    new Uint8Array(4),
    new Uint8Array(Int32Array.of(piece.length).buffer),
    new TextEncoder().encode(piece),
  ])
  return Uint8Array.from([6, 0, 0, 0, ...chunks.flatMap(chunk => [...chunk])])
}

export function randomWeights(): [string, Tensor][] {
  const rng = new Rng(3)
  return Array.from(weightShapes(smallConfig), ([name, dims]) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.3 * rng.normal()))
    return [name, new Tensor('float32', values, dims)]
  })
}

/** A file of weights with their configuration inside. */
export function fileOf(weights: [string, Tensor][]): Uint8Array {
  return encodeSafetensors(weights, {
    metadata: { config: JSON.stringify(configToHuggingFace(smallConfig)) },
  })
}

/** A folder below the system's, with a small random model in `model` and a text in `text.txt`. */
export async function workplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'))
  await mkdir(join(folder, 'model'))
  await writeFile(join(folder, 'model', 'model.safetensors'), encodeSafetensors(randomWeights()))
  await writeFile(join(folder, 'model', 'config.json'), JSON.stringify(configToHuggingFace(smallConfig)))
  await writeFile(join(folder, 'model', 'tokenizer.bin'), byteTokenizer())
  await writeFile(join(folder, 'text.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(8))
  await writeFile(join(folder, 'short.txt'), 'A short text.')
  return folder
}
