import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  affine,
  byteLength,
  decode,
  dense,
  type Encoded,
  FormatError,
  sum,
  Tensor,
} from '@tersor/core-tensor'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSafetensorsWriter } from '../safetensors/create-safetensors-writer.ts'
import { encodeSafetensors } from '../safetensors/encode-safetensors.ts'
import { openSafetensors, type SafetensorsFile } from '../safetensors/open-safetensors.ts'
import { loadEncoded } from './load-encoded.ts'
import { weightInfo } from './weight-info.ts'
import { weightNames } from './weight-names.ts'

const codes = (first: number) => new Tensor('uint8', [first, 0x43, 0x65, 0x87], [2, 2])
const quantized = (first: number, scale: Tensor, zero: Tensor) =>
  affine({ codes: codes(first), scale, zero }, { dims: [2, 4], bits: 4, group: 4, axis: 1 })

const scale = new Tensor('float32', [0.5, 2], [2, 1])
const zero = new Tensor('uint4', Uint8Array.of(0x21), [2, 1])

describe('tensors that are parts more than once', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-shared-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function written(entries: readonly (readonly [string, Tensor | Encoded])[]): Promise<Uint8Array> {
    const path = join(folder, 'out.safetensors')
    const writer = await createSafetensorsWriter(path)
    for (const [name, weight] of entries) await writer.write(name, weight)
    await writer.finish()
    return new Uint8Array(await readFile(path))
  }

  const twice = sum(quantized(1, scale, zero), quantized(2, scale, zero))
  const entries = [
    ['w', twice],
    ['v', quantized(3, scale, zero)],
  ] as const

  it('are stored once, by the least of their names, in whatever order they come', async () => {
    const bytes = encodeSafetensors(entries)
    expect(encodeSafetensors([...entries].reverse())).toEqual(bytes)
    expect(await written(entries)).toEqual(bytes)
    expect(await written([...entries].reverse())).toEqual(bytes)
    const file = await openSafetensors(bytes)
    const names = ['v.codes', 'v.scale', 'v.zero', 'w.0.codes', 'w.1.codes']
    expect([...file.tensors.keys()].sort()).toEqual(names)
    expect(weightNames(file)).toEqual(['v', 'w'])
    // Two matrices of codes, two scales, two zeros in a byte.
    expect(weightInfo(file, 'w').byteLength).toBe(4 + 4 + 8 + 1)
    const meta = Buffer.byteLength('{"axis":1,"bits":4,"group":4}')
    expect(byteLength(twice)).toBe(4 + 4 + 8 + 1 + 2 * meta + '{}'.length)
  })

  it('are read once and are one Tensor again, 4-bit ones too', async () => {
    const file = await openSafetensors(encodeSafetensors(entries))
    const reads: string[] = []
    const read = (name: string) => {
      reads.push(name)
      return file.read(name)
    }
    const loaded = await loadEncoded({ ...file, read }, 'w')
    expect(reads.sort()).toEqual(['v.scale', 'v.zero', 'w.0.codes', 'w.1.codes'])
    const [first, second] = [loaded.parts[0] as Encoded, loaded.parts[1] as Encoded]
    expect(first.parts.scale).toBe(second.parts.scale)
    expect(first.parts.zero).toBe(second.parts.zero)
    expect(decode(loaded).data).toEqual(decode(twice).data)
    expect(byteLength(loaded)).toBe(byteLength(twice))
    expect(encodeSafetensors([['w', loaded]])).toEqual(encodeSafetensors([['w', twice]]))
  })

  it('are stored apart where they are equal but not the same, and as entries of their own', async () => {
    const equal = new Tensor('float32', [0.5, 2], [2, 1])
    const apart = sum(quantized(1, scale, zero), quantized(2, equal, zero))
    const names = async (weights: readonly (readonly [string, Tensor | Encoded])[]) =>
      [...(await openSafetensors(encodeSafetensors(weights))).tensors.keys()].sort()
    expect(await names([['w', apart]])).toEqual([
      'w.0.codes',
      'w.0.scale',
      'w.0.zero',
      'w.1.codes',
      'w.1.scale',
    ])
    const plain = [
      ['scale', scale],
      ['w', dense(scale)],
      ['z', scale],
    ] as const
    expect(await names(plain)).toEqual(['scale', 'w.values', 'z'])
  })

  it('keep the names of all their places taken', () => {
    expect(() => encodeSafetensors([...entries, ['w.1.scale', scale]])).toThrow('expected each name once')
    expect(() => encodeSafetensors([['w.1.scale', scale], ...entries])).toThrow('expected each name once')
  })

  it('are written again where their memory changed between two weights', async () => {
    const buffer = new Tensor('float32', [0.5, 2], [2, 1])
    const path = join(folder, 'changed.safetensors')
    const writer = await createSafetensorsWriter(path)
    await writer.write('a', dense(buffer))
    await writer.write('b', dense(buffer))
    ;(buffer.data as Float32Array)[1] = 3
    await writer.write('c', dense(buffer))
    await writer.finish()
    const file = await openSafetensors(path)
    expect([...file.tensors.keys()]).toEqual(['a.values', 'c.values'])
    expect([...decode(await loadEncoded(file, 'b')).data]).toEqual([0.5, 2])
    expect([...decode(await loadEncoded(file, 'c')).data]).toEqual([0.5, 3])
    await file.close()
  })

  it('come back as they were shared, whatever the trees', async () => {
    const pool = Array.from({ length: 4 }, (_, i) => new Tensor('float32', [i, i + 0.5], [2]))
    const leaf = fc.integer({ min: 0, max: 3 }).map((i): Tensor | Encoded => pool[i]!)
    const { tree } = fc.letrec<{ tree: Tensor | Encoded }>(tie => ({
      tree: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        leaf,
        leaf.map(values => dense(values as Tensor)),
        fc.array(tie('tree'), { minLength: 1, maxLength: 3 }).map(items => sum(...items)),
      ),
    }))
    const weights = fc.array(
      tree.map(weight => sum(weight)),
      { minLength: 1, maxLength: 4 },
    )
    await fc.assert(
      fc.asyncProperty(weights, async trees => {
        const named = trees.map((weight, i) => [`w${i}`, weight] as const)
        const file = await openSafetensors(encodeSafetensors(named))
        expect(file.tensors.size).toBe(new Set(trees.flatMap(leaves)).size)
        for (const [name, weight] of named) {
          const loaded = await loadEncoded(file, name)
          expect(sharing(loaded)).toEqual(sharing(weight))
          expect(decode(loaded).data).toEqual(decode(weight).data)
          expect(byteLength(loaded)).toBe(byteLength(weight))
        }
      }),
      { numRuns: 100, seed: 3 },
    )
  })

  it('may not be large and named again and again', async () => {
    const byteLength = 2 ** 27
    const header = (leaves: number): SafetensorsFile => {
      const node = { type: 'float32', dims: [byteLength], meta: {} }
      const parts = Object.fromEntries(Array.from({ length: leaves }, (_, i) => [i, 'w']))
      const trees = { version: 1, tensors: { x: { kind: 'sum', ...node, parts } } }
      return {
        tensors: new Map([['w', { type: 'uint8', dtype: 'U8', dims: [byteLength], byteLength }]]),
        metadata: new Map([['tersor', JSON.stringify(trees)]]),
        read: () => Promise.reject(new Error('read')),
        readBytes: () => Promise.reject(new Error('read')),
        close: () => Promise.resolve(),
      }
    }
    // Once, twice that make 256 MiB, and once more for the file itself.
    expect(weightNames(header(4))).toEqual(['x'])
    expect(() => weightNames(header(5))).toThrow(FormatError)
    expect(() => weightNames(header(5))).toThrow('expected tensors that are parts several times to be small')
  })
})

function leaves(weight: Tensor | Encoded): Tensor[] {
  return weight instanceof Tensor ? [weight] : Object.values(weight.parts).flatMap(leaves)
}

/** Which leaves are the same one, in order. */
function sharing(weight: Encoded): number[] {
  const all = leaves(weight)
  return all.map(leaf => all.indexOf(leaf))
}
