import { existsSync, openSync, readdirSync, readSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { tersor } from '../testing/tersor.ts'

const shared = fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

/** What is said of the formats that are not read, by the names of their files. */
const OTHERS: readonly [RegExp, RegExp][] = [
  [/\.tflite$/, /got a TensorFlow Lite model/],
  [/^(emb-retvec|guesslang-tfjs)\/(model\.json|group1-shard1of1\.bin)$/, /got TensorFlow\.js's weights/],
  [/^vision-faceapi-uint8\/.+(-shard1|weights_manifest\.json)$/, /got TensorFlow\.js's weights/],
  [/pytorch_model\.bin$/, /got PyTorch's pickled weights/],
  [/\/tiny-rwkv-5v2-730K-.+\.bin$/, /one of ggml's formats before GGUF/],
  [/\/(stories260K-q8|checkpoint_v1)\.bin$/, /expected the original layout, version 0, got version [12]/],
  [/\/(tok512|expected-logits-5v2-730K)\.bin$|^golden\/.+\.bin$/, /is this a llama2\.c checkpoint\?/],
  [/^lm-charrnn-.+\/manifest\.json$/, /which is none of these/],
]

/** Files that look like models. */
const MODEL =
  /(\.(safetensors|gguf|onnx|bin|tflite|npz|pt|pth|ckpt|h5)|\/model\.json|manifest\.json|-shard\d+|\.index\.json)$/

/** Every error says where, what is expected, and what was given. */
const TYPED = /^\[[\w/-]+( [^\]]+)?\] expected [\s\S]+, (got|but) [\s\S]+/

describe.skipIf(!existsSync(shared))('inspect of what is in ../shared/data', () => {
  const all = existsSync(shared) ? filesIn(shared) : []

  it('says of every file that looks like a model what it is', async () => {
    const files = all.filter(file => MODEL.test(`/${file}`))
    expect(files.length).toBeGreaterThan(400)
    const read: Record<string, number> = {}
    for (const file of files) {
      const { code, out, err } = await tersor('inspect', join(shared, file), '--json')
      expect(err, file).toBe('')
      const said = JSON.parse(out)
      const other = OTHERS.find(([name]) => name.test(file))
      if (code !== 0) {
        expect(said.error.message, file).toMatch(TYPED)
        expect(['FORMAT', 'UNSUPPORTED'], file).toContain(said.error.code)
        expect(other, `${file}: ${said.error.message}`).toBeDefined()
        expect(said.error.message, file).toMatch(other![1])
        continue
      }
      expect(other, file).toBeUndefined()
      const { format } = said.layout
      read[format] = (read[format] ?? 0) + 1
      expect(
        said.tensors.reduce((sum: number, { elements }: { elements: number }) => sum + elements, 0),
        file,
      ).toBe(said.parameters)
      const header = file.endsWith('.index.json') ? undefined : countedIn(join(shared, file), format)
      // By their roles, weights are parts of tensors and tensors parts of weights; so they are where others quantized them.
      const asStored = said.config === null && said.quantizedBy === null
      if (header !== undefined && asStored) expect(said, file).toMatchObject(header)
      if (format === 'onnx') expect(said.graph.nodes, file).toBeGreaterThan(0)
    }
    expect(Object.keys(read).sort()).toEqual(['gguf', 'llama2c', 'npz', 'onnx', 'safetensors'])
    expect(read.onnx).toBe(100)
  }, 120_000)

  it('says of every folder what it holds, or that it holds no model', async () => {
    for (const folder of readdirSync(shared, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
      const { code, out, err } = await tersor('inspect', join(shared, folder.name), '--json')
      expect(err, folder.name).toBe('')
      const said = JSON.parse(out)
      if (code === 0) expect(said.parameters, folder.name).toBeGreaterThan(0)
      else expect(said.error.message, folder.name).toMatch(TYPED)
    }
  }, 60_000)
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

/** What the header of a file says of the numbers of its tensors and elements, read anew. */
function countedIn(path: string, format: string): object | undefined {
  const start = startOf(path, 8)
  if (format === 'gguf') return { tensors: { length: Number(startOf(path, 16).readBigUInt64LE(8)) } }
  if (format !== 'safetensors') return undefined
  const header = JSON.parse(startOf(path, 8 + Number(start.readBigUInt64LE())).toString('utf8', 8))
  if (header.__metadata__?.tersor !== undefined) return undefined
  const shapes = Object.entries<{ shape: number[] }>(header).filter(([name]) => name !== '__metadata__')
  const elements = shapes.map(([, { shape }]) => shape.reduce((product, dim) => product * dim, 1))
  return { parameters: elements.reduce((sum, count) => sum + count, 0), tensors: { length: shapes.length } }
}

function startOf(path: string, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const file = openSync(path, 'r')
  readSync(file, bytes, 0, length, 0)
  return bytes
}
