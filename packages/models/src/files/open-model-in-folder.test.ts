import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { encodeSafetensors, writeNpz } from '@tersor/formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes } from '../../../formats/testing/gguf-bytes.ts'
import { checkModel } from './check-model.ts'
import { openModel } from './open-model.ts'

let root = ''
let count = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tersor-in-folder-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** A folder of files. */
async function folderOf(files: Record<string, Uint8Array | string>): Promise<string> {
  const folder = join(root, String(count++))
  await mkdir(folder)
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), bytes)
  }
  return folder
}

const one = new Tensor('float32', [1, 2], [1, 2])
const weights = (...names: string[]) => encodeSafetensors(names.map(name => [name, one] as const))
const index = (weight_map: Record<string, string>) => JSON.stringify({ weight_map })
const gguf = () =>
  ggufBytes({ tensors: [{ name: 'g', ne: [2], type: 0, data: new Uint8Array(one.data.buffer.slice(0, 8)) }] })

const opens: [
  what: string,
  files: () => Promise<Record<string, Uint8Array | string>>,
  names: string[],
  read: string[],
][] = [
  [
    'the index, and not a file that was left beside it',
    async () => ({
      'model.safetensors': weights('stray'),
      'model.safetensors.index.json': index({ a: '1.safetensors', b: '2.safetensors' }),
      '1.safetensors': weights('a'),
      '2.safetensors': weights('b'),
    }),
    ['a', 'b'],
    ['1.safetensors', '2.safetensors', 'model.safetensors.index.json'],
  ],
  [
    'the file, where shards of the index are missing',
    async () => ({
      'model.safetensors': weights('whole'),
      'model.safetensors.index.json': index({ a: '1.safetensors', b: '2.safetensors' }),
      '1.safetensors': weights('a'),
    }),
    ['whole'],
    ['model.safetensors'],
  ],
  [
    'shards in folders below',
    async () => ({
      'model.safetensors.index.json': index({
        a: './a.safetensors',
        b: 'deep/b.safetensors',
        c: 'a.safetensors',
      }),
      'a.safetensors': weights('a', 'c'),
      'deep/b.safetensors': weights('b'),
    }),
    ['a', 'b', 'c'],
    ['a.safetensors', 'deep/b.safetensors', 'model.safetensors.index.json'],
  ],
  [
    'a pipeline component of Diffusers',
    async () => ({ 'diffusion_pytorch_model.safetensors': weights('d') }),
    ['d'],
    ['diffusion_pytorch_model.safetensors'],
  ],
  [
    'consolidated.safetensors',
    async () => ({ 'consolidated.safetensors': weights('c') }),
    ['c'],
    ['consolidated.safetensors'],
  ],
  [
    'the only one by another name',
    async () => ({ 'w.safetensors': weights('w'), 'notes.txt': '' }),
    ['w'],
    ['w.safetensors'],
  ],
  ['the only GGUF', async () => ({ 'm.gguf': gguf(), 'mmproj-m.gguf': gguf() }), ['g'], ['m.gguf']],
  ['names in capitals', async () => ({ 'M.GGUF': gguf() }), ['g'], ['M.GGUF']],
  [
    'safetensors in capitals',
    async () => ({ 'MODEL.SAFETENSORS': weights('w') }),
    ['w'],
    ['MODEL.SAFETENSORS'],
  ],
  ['a NumPy archive', async () => ({ 'w.npz': await writeNpz([['w', one]]) }), ['w'], ['w.npz']],
]

describe('openModel of a folder', () => {
  it.each(opens)('opens %s', async (_, files, names, read) => {
    const folder = await folderOf(await files())
    const file = await openModel(folder)
    expect([...file.names].sort()).toEqual(names)
    const format = names.includes('g') ? 'gguf' : read[0]!.endsWith('.npz') ? 'npz' : 'safetensors'
    expect(file.format).toBe(format)
    expect([...file.files].sort()).toEqual(read.map(name => join(folder, name)))
    for (const name of names) expect(await file.load(name)).toMatchObject({ type: 'float32' })
    await file.close()
  })

  it('lists all where there are several, and says how to name one', async () => {
    const folder = await folderOf({ 'a-q4.gguf': gguf(), 'a-q8.gguf': gguf() })
    await expect(openModel(folder)).rejects.toThrow(FormatError)
    await expect(openModel(folder)).rejects.toThrow(
      `got a-q4.gguf, a-q8.gguf; name the one that you mean: ${folder}/a-q4.gguf`,
    )
  })

  it('opens a file by what it holds where its name does not say', async () => {
    const folder = await folderOf({ 'sha256-abc': gguf(), 'weights.download': weights('w'), other: 'x' })
    for (const [name, tensor] of [
      ['sha256-abc', 'g'],
      ['weights.download', 'w'],
    ] as const) {
      const file = await openModel(join(folder, name))
      expect(file.names).toEqual([tensor])
      await file.close()
    }
    await expect(openModel(join(folder, 'other'))).rejects.toThrow('other, which is none of these')
  })

  it('says of a LoRA adapter that it is to be merged, and looks into it', async () => {
    const lora = weights(
      'base_model.model.layers.0.q_proj.lora_A.weight',
      'base_model.model.layers.0.q_proj.lora_B.weight',
    )
    const folder = await folderOf({ 'adapter_model.safetensors': lora, 'adapter_config.json': '{}' })
    await expect(openModel(folder)).rejects.toThrow(UnsupportedError)
    await expect(openModel(folder)).rejects.toThrow('merge_and_unload')
    const file = await openModel(join(folder, 'adapter_model.safetensors'))
    expect(file.names.length).toBe(2)
    expect(() => checkModel(file)).toThrow('got a LoRA adapter; merge it')
    await file.close()
  })

  const zip = (entry: string) => {
    const name = new TextEncoder().encode(entry)
    return Uint8Array.from([0x50, 0x4b, 3, 4, ...Array(22).fill(0), name.length, 0, 0, 0, ...name])
  }
  it.each([
    ['pytorch_model.bin', zip('archive/data.pkl'), "PyTorch's pickled weights", 'weights_only=True'],
    ['model.pt', Uint8Array.of(0x80, 2, 0x8a, 10), "PyTorch's pickled weights", 'save_file'],
    ['model.ckpt', '', "PyTorch's pickled weights", '"model.ckpt"'],
    ['model.bin', Uint8Array.of(0x80, 4, 0x95), "PyTorch's pickled weights", '"model.bin"'],
    ['model.safetensors', zip('model/data.pkl'), "PyTorch's pickled weights", '"model.safetensors"'],
    ['model.h5', Uint8Array.from('\x89HDF\r\n\x1a\n', c => c.charCodeAt(0)), 'a Keras model', 'numpy.savez'],
    ['model.keras', zip('metadata.json'), 'a Keras model', 'load_model("model.keras")'],
    ['model.tflite', '\x1c\0\0\0TFL3', 'a TensorFlow Lite model', 'tf2onnx'],
    ['model.onnx', '\x1c\0\0\0TFL3', 'a TensorFlow Lite model', 'tf2onnx'],
    ['saved_model.pb', '\x08\x01', 'a TensorFlow graph', '--saved-model'],
    ['model.mlmodel', '\x08\x04', 'a Core ML model', 'does not convert back'],
    ['flax_model.msgpack', Uint8Array.of(0x81, 0xa1), "Flax's msgpack weights", 'msgpack_restore'],
    [
      'model.json',
      '{"format": "layers-model", "modelTopology": {}}',
      "TensorFlow.js's weights",
      'tensorflowjs_converter',
    ],
    ['weights.bin', 'fmgge\0\0\0', "one of ggml's formats before GGUF", 'convert_llama_ggml_to_gguf'],
    [
      'model.safetensors',
      'version https://git-lfs.github.com/spec/v1\noid',
      'a pointer of git-lfs',
      'git lfs pull',
    ],
    ['model.gguf', '\ufeff<!DOCTYPE html><p>Sign in', 'a web page', 'with a token'],
    ['model.npz', Uint8Array.of(0x1f, 0x8b, 8), 'a packed archive', 'unpack it'],
  ])('tells what %s is, with a way out', async (name, bytes, what, remedy) => {
    const folder = await folderOf({ [name]: bytes })
    for (const from of [join(folder, name), folder]) {
      await expect(openModel(from)).rejects.toThrow(UnsupportedError)
      await expect(openModel(from)).rejects.toThrow(what)
      await expect(openModel(from)).rejects.toThrow(remedy)
    }
  })

  it('keeps to what a malformed file of its own format says', async () => {
    const folder = await folderOf({ 'model.safetensors': weights('w').subarray(0, -1) })
    await expect(openModel(folder)).rejects.toThrow('it was cut short or extended')
    await expect(openModel(await folderOf({ 'README.md': '' }))).rejects.toThrow('got none among 1 files')
  })
})
