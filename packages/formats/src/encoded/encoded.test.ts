import {
  affine,
  codebook,
  concat,
  coreKinds,
  decode,
  dense,
  type Encoded,
  type Encoding,
  encoded,
  FormatError,
  hadamard,
  isEncoded,
  MAX_DEPTH,
  permuted,
  product,
  scaled,
  sparse,
  sum,
  Tensor,
  UnsupportedError,
} from '@tersor/core-tensor'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors } from '../safetensors/open-safetensors.ts'
import { encodedNames } from './encoded-names.ts'
import { loadEncoded } from './load-encoded.ts'
import { loadWeight } from './load-weight.ts'
import { weightNames } from './weight-names.ts'

const floats = (dims: number[], from = 1) => {
  const size = dims.reduce((a, b) => a * b, 1)
  return new Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => from + i / 8),
    dims,
  )
}

const quantized = () =>
  affine(
    {
      codes: new Tensor('uint8', [0x21, 0x43, 0x65, 0x87], [2, 2]),
      scale: dense(new Tensor('int8', [1, 2], [2, 1])),
      zero: new Tensor('uint4', Uint8Array.of(0x21), [2, 1]),
    },
    { dims: [2, 4], bits: 4, group: 4, axis: 1 },
  )

const lowRank = () => product(floats([2, 1]), floats([1, 4]))

const weights: Record<string, Encoded> = {
  dense: dense(new Tensor('float16', new Uint16Array([0x3c00, 0x4000]), [2])),
  affine: quantized(),
  codebook: codebook(
    { codes: new Tensor('uint8', [0x1b], [1, 1]), table: floats([4, 1]) },
    { dims: [1, 4], bits: 2 },
  ),
  sparse: sparse(
    {
      values: floats([2]),
      index: new Tensor('int32', [1, 3], [2]),
      starts: new Tensor('int32', [0, 1, 2], [3]),
    },
    { dims: [2, 4], pattern: 'rows' },
  ),
  hadamard: hadamard({ size: 4, seed: 7 }),
  sum: sum(quantized(), lowRank()),
  product: product(quantized(), hadamard({ size: 4, seed: 7 })),
  concat: concat(0, quantized(), floats([1, 4])),
  scaled: scaled(quantized(), floats([4]), 1),
  permuted: permuted(lowRank(), new Tensor('int32', [3, 1, 0, 2], [4]), 1),
}

/** A tree as plain data, to compare. */
function plain(weight: Tensor | Encoded): unknown {
  const { type, dims } = weight
  if (!isEncoded(weight)) return { type, dims, data: weight.data }
  const parts = Object.entries(weight.parts).map(([name, part]) => [name, plain(part)])
  return { kind: weight.encoding.kind, type, dims, meta: weight.meta, parts: Object.fromEntries(parts) }
}

/** A file of tensors with a `tersor` value of our choice. */
async function fileWith(trees: unknown, tensors: Record<string, Tensor> = {}) {
  const bytes = encodeSafetensors(Object.entries(tensors), {
    metadata: { other: typeof trees === 'string' ? trees : JSON.stringify(trees) },
  })
  const { metadata, ...file } = await openSafetensors(bytes)
  return { ...file, metadata: new Map([['tersor', metadata.get('other')!]]) }
}

const tensors = { w: new Tensor('int8', [1, 2], [2]), v: new Tensor('int8', [1, 2], [2]) }
const leaf = (tensor: unknown, dims: unknown = [2]) => ({
  kind: 'dense',
  type: 'float32',
  dims,
  meta: {},
  parts: { values: tensor },
})
const all = (tree: unknown) => ({ version: 1, tensors: { x: tree } })

describe('encoded tensors in safetensors', () => {
  it('covers every kind of core-tensor', () => {
    expect(Object.keys(weights).sort()).toEqual(coreKinds.map(({ kind }) => kind).sort())
  })

  it.each(Object.entries(weights))('%s is saved and loaded as it was', async (name, weight) => {
    const file = await openSafetensors(
      encodeSafetensors([
        [name, weight],
        ['bias', floats([2])],
      ]),
    )
    const loaded = await loadEncoded(file, name)
    expect(plain(loaded)).toEqual(plain(weight))
    expect(decode(loaded).data).toEqual(decode(weight).data)
    expect(encodedNames(file)).toEqual([name])
    expect(weightNames(file)).toEqual([name, 'bias'])
  })

  it('stores parts as plain tensors under the names of their paths', async () => {
    const file = await openSafetensors(encodeSafetensors([['w', weights.sum!]]))
    const expected = ['w.0.codes', 'w.0.scale.values', 'w.0.zero', 'w.1.0', 'w.1.1']
    expect([...file.tensors.keys()].sort()).toEqual(expected)
    expect(file.tensors.get('w.0.zero')).toMatchObject({ dtype: 'U8', dims: [1] })
    expect(JSON.parse(file.metadata.get('tersor')!).tensors.w.parts[1]).toEqual({
      kind: 'product',
      type: 'float32',
      dims: [2, 4],
      meta: {},
      parts: { 0: 'w.1.0', 1: 'w.1.1' },
    })
  })

  it('loadWeight gives plain, packed and encoded weights', async () => {
    const packed = new Tensor('int4', Uint8Array.of(0x21, 0x03), [3])
    const file = await openSafetensors(
      encodeSafetensors([
        ['packed', packed],
        ['plain', floats([2])],
        ['enc', quantized()],
      ]),
    )
    expect(plain(await loadWeight(file, 'packed', { kinds: [] }))).toEqual(plain(packed))
    expect(plain(await loadWeight(file, 'plain', { kinds: [] }))).toEqual(plain(floats([2])))
    expect(plain(await loadWeight(file, 'enc'))).toEqual(plain(quantized()))
    expect(encodedNames(file)).toEqual(['enc'])
    expect(weightNames(file)).toEqual(['enc', 'packed', 'plain'])
    await expect(loadEncoded(file, 'plain')).rejects.toThrow('loadWeight for plain ones')
    await expect(loadWeight(file, 'enc.code')).rejects.toThrow(FormatError)
  })

  it('refuses names that parts take, and numbers that JSON lacks', () => {
    expect(() =>
      encodeSafetensors([
        ['w', quantized()],
        ['w.codes', floats([1])],
      ]),
    ).toThrow('expected each name once')
    expect(() =>
      encodeSafetensors([
        ['w', quantized()],
        ['w', hadamard({ size: 2, seed: 0 })],
      ]),
    ).toThrow(FormatError)
    expect(() =>
      encodeSafetensors([
        ['w.0', hadamard({ size: 2, seed: 0 })],
        ['w', lowRank()],
      ]),
    ).toThrow(FormatError)
    const free: Encoding = { kind: 'free', check: () => {}, decode: () => floats([1]) }
    expect(() => encodeSafetensors([['w', encoded(free, 'float32', [1], {}, { a: [NaN] })]])).toThrow(
      'finite numbers',
    )
  })

  it('names a kind that is missing before it reads anything', async () => {
    const file = await fileWith(
      all({ kind: 'rans', type: 'uint8', dims: [2], meta: {}, parts: { stream: 'w' } }),
      tensors,
    )
    const blind = { ...file, read: () => Promise.reject(new Error('read')) }
    const loading = loadEncoded(blind, 'x')
    await expect(loading).rejects.toThrow(UnsupportedError)
    await expect(loading).rejects.toThrow('"rans"; it comes with @tersor/codec: pass its encoding in `kinds`')
  })

  it('refuses another version', async () => {
    const file = await fileWith({ version: 2, tensors: {} })
    expect(() => weightNames(file)).toThrow(UnsupportedError)
  })

  const deep = (depth: number): object => (depth === 0 ? leaf('w') : { ...leaf(deep(depth - 1)) })
  const malformed: [string, unknown][] = [
    ['no JSON', '{'],
    ['a list', []],
    ['no trees', { version: 1 }],
    ['a tree as a number', all(1)],
    ['no kind', all({ type: 'float32', dims: [], meta: {}, parts: {} })],
    ['an unknown dtype', all({ ...leaf('w'), type: 'complex' })],
    ['a dtype from the prototype', all({ ...leaf('w'), type: 'toString' })],
    ['dims as text', all(leaf('w', '2'))],
    ['negative dims', all(leaf('w', [-2]))],
    ['dims past 2^53', all(leaf('w', [2 ** 52, 4]))],
    ['huge dims beside a zero', all(leaf('w', [0, 2 ** 40]))],
    ['no meta', all({ ...leaf('w'), meta: undefined })],
    ['meta as a list', all({ ...leaf('w'), meta: [] })],
    ['no parts', all({ ...leaf('w'), parts: undefined })],
    ['a tensor that is not there', all(leaf('y'))],
    ['a packed leaf of bytes', all(leaf({ tensor: 'w', type: 'int8', dims: [2] }))],
    ['a packed leaf of another size', all(leaf({ tensor: 'w', type: 'int4', dims: [5] }))],
    ['a tree deeper than allowed', all(deep(MAX_DEPTH + 1))],
    [
      'a very deep tree',
      `{"version":1,"tensors":{"x":${'{"parts":{"p":'.repeat(5000)}1${'}}'.repeat(5000)}}}`,
    ],
    ['a tree named like an unrelated tensor', { version: 1, tensors: { w: leaf('v') } }],
    ['a tree named like a tensor of another', { version: 1, tensors: { x: leaf('w'), w: leaf('v') } }],
  ]

  it.each(malformed)('refuses %s', async (_, trees) => {
    const file = await fileWith(trees, tensors)
    expect(() => encodedNames(file)).toThrow(FormatError)
  })

  it.each([
    ['dims that contradict the part', leaf('w', [3])],
    ['a part too few', { ...leaf('w'), parts: {} }],
    ['meta of another kind', { ...leaf('w'), kind: 'affine' }],
  ])('refuses to load %s', async (_, tree) => {
    const file = await fileWith(all(tree), tensors)
    await expect(loadEncoded(file, 'x')).rejects.toThrow(FormatError)
  })
})
