import {
  affine,
  coreKinds,
  decode,
  dense,
  product,
  sparse,
  sum,
  Tensor,
  TersorError,
} from '@tersor/core-tensor'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ggufBytes } from '../testing/gguf-bytes.ts'
import { onnxBytes, onnxNode } from '../testing/onnx-bytes.ts'
import {
  encodeSafetensors,
  loadWeight,
  openGguf,
  openLlama2c,
  openSafetensors,
  openSafetensorsIndex,
  readNpy,
  readNpz,
  type Source,
  type WeightFile,
  weightNames,
  writeNpy,
  writeNpz,
} from './index.ts'
import { openOnnx } from './onnx/index.ts'

/** A format with a small valid file, and everything that can be read from one: the bytes of all tensors. */
interface Row {
  format: string
  valid: () => Uint8Array | Promise<Uint8Array>
  readAll: (from: Uint8Array) => Promise<number>
  /** How many bytes of tensors a byte of the file may become. */
  expansion: number
}

const floats = (dims: number[]) =>
  new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.5), dims)

const encodedWeights = () => {
  const scale = dense(new Tensor('int8', [1, 2], [2, 1]))
  const codes = new Tensor('uint8', [0x21, 0x43, 0x65, 0x87], [2, 2])
  const zero = new Tensor('uint4', Uint8Array.of(0x21), [2, 1])
  const base = affine({ codes, scale, zero }, { dims: [2, 4], bits: 4, group: 4, axis: 1 })
  const index = new Tensor('int32', [1, 3], [2])
  const outliers = sparse(
    { values: floats([2]), index, starts: new Tensor('int32', [0, 1, 2], [3]) },
    { dims: [2, 4], pattern: 'rows' },
  )
  const lowRank = [floats([2, 1]), floats([1, 4])]
  return sum(base, product(...lowRank), outliers, product(...lowRank))
}

async function readTensors(file: WeightFile): Promise<number> {
  let total = 0
  const failures: unknown[] = []
  for (const name of file.tensors.keys()) {
    try {
      total += (await file.read(name)).byteLength
    } catch (error) {
      failures.push(error)
    }
  }
  await file.close()
  if (failures.length > 0) throw failures.find(failure => !(failure instanceof TersorError)) ?? failures[0]
  return total
}

const rows: Row[] = [
  {
    format: 'safetensors',
    valid: () =>
      encodeSafetensors(
        [
          ['a', floats([2, 3])],
          ['b', new Tensor('int8', [1], [1])],
        ],
        { metadata: { k: 'v' } },
      ),
    readAll: async from => readTensors(await openSafetensors(from)),
    expansion: 1,
  },
  {
    format: 'encoded tensors',
    valid: () =>
      encodeSafetensors([
        ['w', encodedWeights()],
        ['p', new Tensor('int4', Uint8Array.of(0x21), [2])],
      ]),
    async readAll(from) {
      const file = await openSafetensors(from)
      let total = 0
      for (const name of weightNames(file)) {
        const weight = await loadWeight(file, name, { kinds: coreKinds })
        // What a weight decodes to is the caller's to bound: a short tree can stand for a large matrix of zeros.
        if (weight.dims.reduce((a, b) => a * b, 1) < 1e6) total += decode(weight).byteLength
      }
      return total
    },
    expansion: 1e5,
  },
  {
    format: 'safetensors index',
    valid: () =>
      new TextEncoder().encode('{"metadata":{"total_size":24},"weight_map":{"a":"1.safetensors"}}'),
    async readAll(from) {
      const shard: Source = encodeSafetensors([['a', floats([2, 3])]])
      return readTensors(await openSafetensorsIndex(from, { open: () => shard }))
    },
    expansion: 10,
  },
  {
    format: 'GGUF',
    valid: () =>
      ggufBytes({
        metadata: [
          ['general.alignment', [4, 32]],
          ['tokens', [9, 8, ['a', 'bc']]],
          ['scores', [9, 6, [1, 2]]],
          ['n', [10, 7]],
        ],
        tensors: [
          { name: 'q', ne: [32, 2], type: 2, data: new Uint8Array(36).fill(0x3c) },
          { name: 'k', ne: [256], type: 12, data: new Uint8Array(144).fill(0x3c) },
          { name: 'f', ne: [4, 2], type: 0, data: new Uint8Array(32) },
        ],
      }),
    readAll: async from => readTensors(await openGguf(from)),
    // Ternary weights are the smallest: 54 bytes become 1024.
    expansion: 19,
  },
  {
    format: 'ONNX',
    valid: () => {
      const half = { dataType: 10, dims: [2n, 3n], int32Data: [1, 2, 3, 4, 5, 6] }
      const float = { dataType: 1, dims: [3n], rawData: new Uint8Array(12).fill(0x3c) }
      const whole = { name: 'whole', dataType: 7, dims: [3n], int64Data: [-1n, 2n, 300n] }
      return onnxBytes({
        node: [
          onnxNode('Constant', 'half', { value: { t: half } }),
          onnxNode('If', 'chosen', { then_branch: { g: { initializer: [whole] } } }),
        ],
        initializer: [{ name: 'float', ...float }],
        input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
      })
    },
    readAll: async from => readTensors(await openOnnx(from)),
    // An int64 of one byte becomes eight.
    expansion: 8,
  },
  {
    format: 'llama2.c',
    valid: () => {
      const weights = new Float32Array(6 + 2 + 4 * 4 + 2 + 3 * 8 + 2 + 16)
      return new Uint8Array([
        ...new Uint8Array(Int32Array.of(2, 4, 1, 1, 1, 3, 8).buffer),
        ...new Uint8Array(weights.buffer),
      ])
    },
    readAll: async from => readTensors(await openLlama2c(from)),
    expansion: 1,
  },
  {
    format: 'npy',
    valid: () => writeNpy(floats([2, 3])),
    readAll: async from => readNpy(from).byteLength,
    expansion: 1,
  },
  ...[false, true].map(
    (compress): Row => ({
      format: compress ? 'deflated npz' : 'stored npz',
      valid: () =>
        writeNpz(
          [
            ['a', floats([2, 3])],
            ['b', floats([0])],
          ],
          { compress },
        ),
      readAll: async from =>
        [...(await readNpz(from)).values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
      expansion: 1032,
    }),
  ),
]

/** Numbers that lengths, counts and offsets go wrong at. */
const edges = [
  0n,
  1n,
  7n,
  255n,
  65535n,
  2n ** 31n - 1n,
  2n ** 32n - 1n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
]

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: fc.nat(), value: fc.nat(255) }),
  fc.record({
    kind: fc.constant('word' as const),
    at: fc.nat(),
    value: fc.constantFrom(...edges),
    width: fc.constantFrom(4, 8),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  // Numbers and names of headers in text.
  fc.record({
    kind: fc.constant('digits' as const),
    at: fc.nat(),
    value: fc.constantFrom(...edges, -1n, 10n ** 30n),
  }),
  fc.record({
    kind: fc.constant('text' as const),
    at: fc.nat(),
    value: fc.constantFrom('{', '}', '[', ']', '"', ',', 'null', '""', '"a"'),
  }),
)

type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(bytes: Uint8Array, change: Mutation): Uint8Array {
  if (bytes.length === 0) return bytes
  const at = change.at % bytes.length
  const spliced = (remove: number, insert: Iterable<number> = []) =>
    Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)])
  switch (change.kind) {
    case 'byte':
      return bytes.with(at, change.value)
    case 'word': {
      const word = new Uint8Array(BigUint64Array.of(change.value).buffer).subarray(0, change.width)
      return spliced(change.width, word)
    }
    case 'cut':
      return bytes.subarray(0, at)
    case 'remove':
      return spliced(change.length)
    case 'repeat':
      return spliced(0, bytes.subarray(at, at + change.length))
    case 'digits':
      return replaceNumber(bytes, at, String(change.value))
    case 'text':
      return spliced(1, new TextEncoder().encode(change.value))
  }
}

/** Replaces the first decimal number at or after a place, in the header's length too where that is safetensors'. */
function replaceNumber(bytes: Uint8Array, at: number, number: string): Uint8Array {
  const text = String.fromCharCode(...bytes)
  const found = /\d+/.exec(text.slice(at))
  if (found === null) return bytes
  const changed = text.slice(0, at + found.index) + number + text.slice(at + found.index + found[0].length)
  const result = Uint8Array.from(changed, char => char.charCodeAt(0))
  const view = new DataView(result.buffer)
  const grown = result.length - bytes.length
  if (result[8] === 0x7b)
    view.setBigUint64(0, BigInt(Math.max(Number(view.getBigUint64(0, true)) + grown, 0)), true)
  return result
}

describe.each(rows)('hostile $format', ({ valid, readAll, expansion }) => {
  let file: Uint8Array
  beforeAll(async () => {
    file = await valid()
  })

  it('reads the valid file', async () => {
    expect(await readAll(file)).toBeGreaterThan(0)
  })

  it('either reads a changed file or throws a TersorError, and makes no more of it than its bytes can hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async changes => {
        const hostile = changes.reduce(mutate, file)
        try {
          expect(await readAll(hostile)).toBeLessThanOrEqual(expansion * hostile.length)
        } catch (error) {
          if (!(error instanceof TersorError)) throw error
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('refuses every prefix', async () => {
    for (let length = 0; length < file.length; length++) {
      await expect(readAll(file.subarray(0, length)), `${length} bytes`).rejects.toThrow(TersorError)
    }
  })
})
