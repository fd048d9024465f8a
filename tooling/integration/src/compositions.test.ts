import { createNativeDevice, nativeAvailable } from '@tersor/backend-native'
import { coding, createWasmDevice } from '@tersor/backend-wasm'
import { codecKinds, rans, ransEncoding, symbolFrequencies } from '@tersor/codec'
import {
  affineEncoding,
  byteLength,
  coreKinds,
  type Device,
  decode,
  type Encoded,
  linear,
  packRow,
  Rng,
  reference,
  sparse,
  sum,
  Tensor,
  TersorError,
  toFloat32,
  transfer,
  withParts,
} from '@tersor/core-tensor'
import { histogram } from '@tersor/core-tensor/reference'
import { encodeSafetensors, loadEncoded, openSafetensors } from '@tersor/formats'
import { rtn } from '@tersor/quantize'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const rng = new Rng(4)
const [ROWS, COLUMNS] = [128, 256] as const
const gaussian = (rows: number, columns: number) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: rows * columns }, () => rng.normal()),
    [rows, columns],
  )

/** Round to nearest in 4 bits, its codes behind an entropy coder, and the same without. */
const plainCodes = rtn(gaussian(ROWS, COLUMNS), { bits: 4, groupSize: 32 })
const codes = plainCodes.parts.codes as Tensor
const entropyCoded = withParts(plainCodes, { codes: rans(codes, { rows: 16 }) })

/** The two largest of every four, in 4 bits, and the same with what these decode to. */
const { small: small24, plain: plain24 } = twoOfFour(gaussian(ROWS, COLUMNS))

function twoOfFour(weight: Tensor): { small: Encoded; plain: Encoded } {
  const all = toFloat32(weight)
  const kept = new Float32Array(all.length / 2)
  const index = new Uint8Array(all.length / 8)
  const rowBytes = COLUMNS / 8
  for (let row = 0; row < ROWS; row++) {
    const positions: number[] = []
    for (let start = row * COLUMNS; start < (row + 1) * COLUMNS; start += 4) {
      const size = (i: number) => Math.abs(all[start + i]!)
      const largest = [0, 1, 2, 3]
        .sort((a, b) => size(b) - size(a))
        .slice(0, 2)
        .sort()
      for (const i of largest) {
        kept[row * (COLUMNS / 2) + positions.length] = all[start + i]!
        positions.push(i)
      }
    }
    packRow(positions, 2, index, row * rowBytes)
  }
  const values = rtn(new Tensor('float32', kept, [ROWS, COLUMNS / 2]), { bits: 4, groupSize: 32 })
  const places = new Tensor('uint8', index, [ROWS, rowBytes])
  const options = { dims: [ROWS, COLUMNS], pattern: 'nOfM', n: 2, m: 4 } as const
  return {
    small: sparse({ values, index: rans(places) }, options),
    plain: sparse({ values: decode(values), index: places }, options),
  }
}

const compositions = [
  ['4 bits with entropy-coded codes', entropyCoded, plainCodes],
  ['2:4 with values of 4 bits and entropy-coded positions', small24, plain24],
] as const

const devices: readonly [name: string, available: boolean, create: () => Promise<Device>][] = [
  ['reference', true, async () => reference],
  ['wasm', true, () => createWasmDevice({ threads: 1, groups: [coding] })],
  ['wasm without coding kernels', true, () => createWasmDevice({ threads: 1 })],
  ['native', nativeAvailable(), () => createNativeDevice({ threads: 2 })],
]

describe.each(devices)('compositions of encodings on %s', (_, available, create) => {
  let device: Device
  beforeAll(async () => {
    if (available) device = await create()
  })
  afterAll(() => device?.dispose())

  describe.skipIf(!available).each(compositions)('%s', (_, small, plain) => {
    it('are saved, loaded, decoded by rows and multiplied as their plain twins', async () => {
      const file = await openSafetensors(encodeSafetensors([['w', small]]))
      const loaded = await loadEncoded(file, 'w', { kinds: [...coreKinds, ...codecKinds] })
      expect(byteLength(loaded)).toBe(byteLength(small))
      const [weight, twin] = [await transfer(loaded, device), await transfer(plain, device)]

      expect(await sameBytes(decode(weight), decode(twin))).toBe(true)
      for (const rows of [
        [0, 1],
        [17, 43],
        [127, 128],
        [100, 100],
      ] as const)
        expect(await sameBytes(decode(weight, { rows }), decode(twin, { rows }))).toBe(true)

      const inputs = device.upload(gaussian(3, COLUMNS))
      const tolerance = { rtol: 1e-5, atol: 1e-4 }
      const [y, expected] = [linear(inputs, weight), linear(inputs, twin)]
      expect(differs(await y.read(), await expected.read(), tolerance)).toBe(0)
      const back = device.upload(gaussian(2, ROWS))
      const [z, wanted] = [weight, twin].map(w => linear(back, w, { transpose: true }))
      expect(differs(await z!.read(), await wanted!.read(), tolerance)).toBe(0)
    })

    it('are packed as their plain twins, and unpacked to trees that decode the same', async () => {
      const tree = sum(small, small)
      const weight = await transfer(tree, device)
      const packed = device.pack(weight)
      const unpacked = device.unpack(packed)
      expect(await sameBytes(decode(packed), decode(weight))).toBe(true)
      expect(await sameBytes(decode(unpacked), decode(weight))).toBe(true)
      const left = kindsIn(packed)
      expect(left.has(ransEncoding.kind)).toBe(device === reference)
      if (small === entropyCoded && device !== reference) {
        expect(left).toEqual(new Set(['sum', 'packed']))
        const x = device.upload(gaussian(2, COLUMNS))
        const twin = device.pack(await transfer(sum(plain, plain), device))
        expect(await sameBytes(linear(x, packed), linear(x, twin))).toBe(true)
        expect(kindsIn(unpacked)).toEqual(new Set(['sum', affineEncoding.kind]))
      }
    })
  })
})

describe('files of compositions', () => {
  it('are loaded to something that decodes, or refused, whatever bytes change', async () => {
    const small = rtn(gaussian(16, 64), { bits: 4, groupSize: 32 })
    const weight = withParts(small, { codes: rans(small.parts.codes as Tensor, { rows: 3 }) })
    const bytes = encodeSafetensors([['w', sum(weight, weight)]])
    const kinds = [...coreKinds, ...codecKinds]
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(changes, async changed => {
        const hostile = bytes.slice()
        for (const [at, value] of changed) hostile[at] = value
        try {
          const loaded = await loadEncoded(await openSafetensors(hostile), 'w', { kinds })
          expect(decode(loaded).dims).toEqual(loaded.dims)
        } catch (error) {
          if (!(error instanceof TersorError)) throw error
        }
      }),
      { numRuns: 1000, seed: 6 },
    )
  })
})

describe('entropy-coded codes', () => {
  it('make codes of 4 bits smaller by 3 % or more, with their table', () => {
    const plain = rtn(gaussian(1024, 1024), { bits: 4, groupSize: 32 })
    const packed = plain.parts.codes as Tensor
    const coded = withParts(plain, { codes: rans(packed) })
    console.log(
      `4 bits, groups of 32, 1024×1024: codes ${packed.byteLength} bytes, behind rans ${byteLength(coded.parts.codes!)}; ` +
        `the weight ${byteLength(plain)}, then ${byteLength(coded)}`,
    )
    expect(byteLength(coded.parts.codes!) / packed.byteLength).toBeLessThan(0.97)
    expect(byteLength(coded) / byteLength(plain)).toBeLessThan(0.98)
  })

  it('share their frequencies between weights, which a file then holds once', async () => {
    const counts = histogram(codes, { bins: 256, range: [0, 256] }).data as Int32Array
    const frequencies = symbolFrequencies(counts.map(count => count + 1))
    const weights = [0, 1, 2].map(i => {
      const other = rtn(gaussian(128, 128), { bits: 4, groupSize: 32 })
      const own = rans(other.parts.codes as Tensor, { frequencies })
      return [`w${i}`, withParts(other, { codes: own })] as const
    })
    const file = await openSafetensors(encodeSafetensors(weights))
    const tables = [...file.tensors.keys()].filter(name => name.endsWith('.frequencies'))
    expect(tables).toEqual(['w0.codes.frequencies'])
    for (const [name, weight] of weights) {
      const loaded = await loadEncoded(file, name, { kinds: [...coreKinds, ...codecKinds] })
      expect(decode(loaded).data).toEqual(decode(weight).data)
      // With a table of its own, a small matrix would take more than its packed codes.
      expect(byteLength(weight.parts.codes!) - frequencies.byteLength).toBeLessThan(128 * 64)
    }
  })
})

async function sameBytes(a: Tensor, b: Tensor): Promise<boolean> {
  const [x, y] = [await a.read(), await b.read()].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  )
  return Buffer.compare(x!, y!) === 0
}

/** How many elements differ by more than a tolerance. */
function differs(
  a: ArrayLike<number | bigint>,
  b: ArrayLike<number | bigint>,
  { rtol, atol }: { rtol: number; atol: number },
): number {
  return Array.from(a).filter((x, i) => {
    const expected = Number(b[i])
    return !(Math.abs(Number(x) - expected) <= atol + rtol * Math.abs(expected))
  }).length
}

function kindsIn(e: Encoded): Set<string> {
  const kinds = new Set([e.encoding.kind])
  for (const part of Object.values(e.parts)) {
    if (!(part instanceof Tensor)) for (const kind of kindsIn(part)) kinds.add(kind)
  }
  return kinds
}
