import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Rng, Tensor } from '@tersor/core-tensor'
import { encodeSafetensors } from '@tersor/formats'
import { configFromHuggingFace, storedName, weightShapes } from '@tersor/models'

/** The config.json of a model of bytes, three special tokens before them, and one block. */
export const smallJson = {
  model_type: 'llama',
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 259,
  max_position_embeddings: 64,
  hidden_size: 32,
  intermediate_size: 48,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
}

export const smallConfig = configFromHuggingFace(smallJson)

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

/** Under the names of Hugging Face's files. */
export function randomWeights(): [string, Tensor][] {
  const rng = new Rng(3)
  return Array.from(weightShapes(smallConfig), ([name, dims]) => {
    const size = dims.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: size }, () => (dims.length === 1 ? 1 : 0.3 * rng.normal()))
    return [storedName(smallConfig, name), new Tensor('float32', values, dims)]
  })
}

/** A file of weights with their configuration inside. */
export function fileOf(weights: [string, Tensor][]): Uint8Array {
  return encodeSafetensors(weights, {
    metadata: { config: JSON.stringify(smallJson) },
  })
}

/** A folder below the system's, with a small random model in `model` and a text in `text.txt`. */
export async function workplace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tersor-cli-'))
  await mkdir(join(folder, 'model'))
  await writeFile(join(folder, 'model', 'model.safetensors'), encodeSafetensors(randomWeights()))
  await writeFile(join(folder, 'model', 'config.json'), JSON.stringify(smallJson))
  await writeFile(join(folder, 'model', 'tokenizer.bin'), byteTokenizer())
  await writeFile(join(folder, 'text.txt'), 'The quick brown fox jumps over the lazy dog. '.repeat(8))
  await writeFile(join(folder, 'short.txt'), 'A short text.')
  return folder
}
