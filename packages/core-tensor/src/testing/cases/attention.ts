import { expect } from 'vitest'
import type { Device } from '../../device/device.ts'
import type { AttentionOptions } from '../../device/kernels.ts'
import { decode, type Encoded } from '../../encoded/encoded.ts'
import { affine } from '../../encoded/kinds/affine.ts'
import { dense } from '../../encoded/kinds/dense.ts'
import { ShapeError } from '../../errors.ts'
import { attention } from '../../reference/attention.ts'
import { cast } from '../../reference/cast.ts'
import { mergeAttention } from '../../reference/merge-attention.ts'
import { rope } from '../../reference/rope.ts'
import { Rng } from '../../rng.ts'
import { packedRowBytes } from '../../tensor/bits.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { KernelCase } from '../describe-device.ts'
import { expectElements, normals, numbersIn, random, sameBytes, upload } from './fixtures.ts'
import { frequenciesOf } from './rows/rope.ts'
import { sharedResult } from './shared-result.ts'

interface Heads {
  heads: number
  kvHeads: number
  queries: number
  tokens: number
  headDim: number
}

/** Grouped heads, one query and many, no queries, no tokens, more queries than a block, more queries than tokens. */
const SHAPES: readonly Heads[] = [
  { heads: 1, kvHeads: 1, queries: 1, tokens: 1, headDim: 1 },
  { heads: 4, kvHeads: 2, queries: 1, tokens: 37, headDim: 8 },
  { heads: 3, kvHeads: 3, queries: 5, tokens: 9, headDim: 7 },
  { heads: 2, kvHeads: 1, queries: 70, tokens: 70, headDim: 16 },
  { heads: 2, kvHeads: 2, queries: 4, tokens: 0, headDim: 4 },
  { heads: 2, kvHeads: 2, queries: 0, tokens: 4, headDim: 4 },
  { heads: 2, kvHeads: 1, queries: 6, tokens: 3, headDim: 4 },
]

interface Sample extends Heads {
  q: Float64Array
  k: Float64Array
  v: Float64Array
  scale: number
  length: number
  causal?: boolean | undefined
  window?: number | undefined
  softcap?: number | undefined
  /** What is added to the score of a key of a key head; −∞ hides it. */
  bias?: ((kvHead: number, token: number) => number) | undefined
}

interface Specified {
  o: Float64Array
  lse: Float64Array
  mass: Float64Array
}

/** Attention by its definition, in float64. */
function specified(s: Sample): Specified {
  const { heads, kvHeads, queries, tokens, headDim, scale, length } = s
  const bias = Float64Array.from({ length: kvHeads * length }, (_, i) =>
    s.bias === undefined ? 0 : s.bias(Math.floor(i / length), i % length),
  )
  const { window = Infinity, softcap = Infinity } = s
  const shape = [heads, kvHeads, queries, tokens, headDim, scale, length, s.causal ? 1 : 0, window, softcap]
  return sharedResult('attention', [shape, s.q, s.k, s.v, bias], () => {
    const o = new Float64Array(heads * queries * headDim)
    const lse = new Float64Array(heads * queries)
    const mass = new Float64Array(heads * tokens)
    const weights = new Float64Array(length)
    for (let row = 0; row < heads * queries; row++) {
      const head = Math.floor(row / queries)
      const kv = Math.floor((head * kvHeads) / heads)
      const position = length - queries + (row % queries)
      let max = -Infinity
      for (let j = 0; j < length; j++) {
        weights[j] = -Infinity
        if ((s.causal && j > position) || Math.abs(position - j) >= window) continue
        let dot = 0
        for (let d = 0; d < headDim; d++)
          dot += s.q[row * headDim + d]! * s.k[(kv * tokens + j) * headDim + d]!
        const score = softcap === Infinity ? dot * scale : softcap * Math.tanh((dot * scale) / softcap)
        weights[j] = score + bias[kv * length + j]!
        max = Math.max(max, weights[j]!)
      }
      let total = 0
      for (let j = 0; j < length; j++) {
        weights[j] = weights[j] === -Infinity ? 0 : Math.exp(weights[j]! - max)
        total += weights[j]!
      }
      lse[row] = total === 0 ? -Infinity : max + Math.log(total)
      for (let j = 0; j < length; j++) {
        const weight = total === 0 ? 0 : weights[j]! / total
        mass[head * tokens + j]! += weight
        for (let d = 0; d < headDim; d++)
          o[row * headDim + d]! += weight * s.v[(kv * tokens + j) * headDim + d]!
      }
    }
    return { o, lse, mass }
  })
}

/** Scores and sums in float32 over a hundred keys or so. */
const CLOSE = { rtol: 1e-4, atol: 1e-5 }

function caseOf(
  name: string,
  setUp: (context: {
    heads: Heads
    make: (dims: readonly number[], values: ArrayLike<number>, type?: 'int32') => Tensor
  }) => {
    options?: Partial<AttentionOptions> | undefined
    sample?: Partial<Sample> | undefined
  },
  { hostOnly = false, shapes = SHAPES }: { hostOnly?: boolean; shapes?: readonly Heads[] } = {},
): KernelCase {
  return {
    kernel: 'attention',
    name,
    hostOnly,
    async run(device) {
      for (const heads of shapes) {
        const rng = new Rng(41)
        const { kvHeads, queries, tokens, headDim } = heads
        const q = random(device, rng, [heads.heads, queries, headDim])
        const [k, v] = [
          random(device, rng, [kvHeads, tokens, headDim]),
          random(device, rng, [kvHeads, tokens, headDim]),
        ]
        const { options = {}, sample = {} } = setUp({
          heads,
          make: (dims, values, type) => upload(device, type ?? 'float32', dims, values),
        })
        const lse = device.empty('float32', [heads.heads, queries])
        const mass = upload(
          device,
          'float32',
          [heads.heads, tokens],
          new Float64Array(heads.heads * tokens).fill(1),
        )
        const o = attention(q, k, v, { scale: 0.4, lse, mass, ...options })
        const alone = attention(q, k, v, { scale: 0.4, ...options })
        const [qs, ks, vs] = [await numbersIn(q), await numbersIn(k), await numbersIn(v)]
        const want = specified({ ...heads, q: qs, k: ks, v: vs, scale: 0.4, length: tokens, ...sample })
        await expectElements(o, want.o, { dims: [heads.heads, queries, headDim], ...CLOSE })
        await expectElements(alone, want.o, { dims: [heads.heads, queries, headDim], ...CLOSE })
        await expectElements(lse, want.lse, { dims: [heads.heads, queries], ...CLOSE })
        await expectElements(
          mass,
          want.mass.map(x => x + 1),
          { dims: [heads.heads, tokens], ...CLOSE },
        )
      }
    },
  }
}

/** Windows that begin and end within, at and past the blocks in which devices take keys and queries. */
const LONG_SHAPES: readonly Heads[] = [
  { heads: 4, kvHeads: 2, queries: 1, tokens: 700, headDim: 16 },
  { heads: 2, kvHeads: 1, queries: 3, tokens: 515, headDim: 7 },
  { heads: 2, kvHeads: 2, queries: 70, tokens: 600, headDim: 8 },
]

/** Windows of one key, of some, of as many as there are, and of more. */
const WINDOWS: readonly number[] = [1, 5, 37, 100, 10_000]

/** Caches as they are kept: with room to grow, in float16, or in codes of 8 and 4 bits. */
const STORED_SHAPES: readonly Heads[] = [
  { heads: 2, kvHeads: 1, queries: 1, tokens: 5, headDim: 4 },
  { heads: 4, kvHeads: 2, queries: 1, tokens: 67, headDim: 64 },
  { heads: 6, kvHeads: 2, queries: 3, tokens: 33, headDim: 48 },
  { heads: 8, kvHeads: 1, queries: 1, tokens: 300, headDim: 128 },
  { heads: 2, kvHeads: 2, queries: 40, tokens: 40, headDim: 40 },
  { heads: 2, kvHeads: 2, queries: 2, tokens: 0, headDim: 8 },
]

const storedCases = (
  [
    ['float16', undefined, ['none']],
    ['8 bits', 8, ['none', 'zero', 'sharedZero', 'offset']],
    ['4 bits', 4, ['none', 'zero', 'sharedZero', 'offset']],
    ['float16', undefined, ['none'], { window: 9, softcap: 0.8 }],
    ['8 bits', 8, ['zero', 'offset'], { window: 9, softcap: 0.8 }],
    ['4 bits', 4, ['sharedZero'], { window: 9, softcap: 0.8 }],
  ] as const
).flatMap(([name, bits, shifts, scored = {}]) =>
  shifts.map(
    (shift): KernelCase => ({
      kernel: 'attention',
      name: `keys and values in ${name}${bits === undefined ? '' : `, shift ${shift}`}${'window' in scored ? ', capped in a window' : ''}`,
      async run(device) {
        for (const shape of STORED_SHAPES) {
          for (const group of bits === undefined ? [1] : [32, shape.headDim]) {
            for (const scaleType of bits === undefined
              ? (['float16'] as const)
              : (['float16', 'float32'] as const)) {
              const rng = new Rng(45)
              const { heads, kvHeads, queries, tokens, headDim } = shape
              const dims = [kvHeads, tokens, headDim] as const
              const make = () =>
                bits === undefined
                  ? dense(random(device, rng, dims, 'float16'))
                  : codesOf(device, rng, { dims, bits, group, scaleType, shift })
              const [k, v] = [make(), make()]
              const q = random(device, rng, [heads, queries, headDim])
              const length = Math.max(0, tokens - 1)
              const lse = device.empty('float32', [heads, queries])
              const o = attention(q, k, v, { scale: 0.1, causal: true, length, lse, ...scored })
              const [qs, ks, vs] = [
                await numbersIn(q),
                await numbersIn(decode(k, { device })),
                await numbersIn(decode(v, { device })),
              ]
              const want = specified({
                ...{ ...shape, q: qs, k: ks, v: vs, scale: 0.1, length, causal: true },
                ...scored,
              })
              await expectElements(o, want.o, { dims: [heads, queries, headDim], rtol: 1e-3, atol: 1e-3 })
              await expectElements(lse, want.lse, { dims: [heads, queries], rtol: 1e-3, atol: 1e-3 })
            }
          }
        }
      },
    }),
  ),
)

interface StoredCodes {
  dims: readonly [kvHeads: number, tokens: number, headDim: number]
  bits: number
  group: number
  scaleType: 'float16' | 'float32'
  shift: 'none' | 'zero' | 'sharedZero' | 'offset'
}

function codesOf(device: Device, rng: Rng, { dims, bits, group, scaleType, shift }: StoredCodes): Encoded {
  const [kvHeads, tokens, headDim] = dims
  const rowBytes = packedRowBytes(headDim, bits)
  const groups = [kvHeads, tokens, Math.ceil(headDim / group)] as const
  const count = groups[0] * groups[1] * groups[2]
  const bytes = Array.from({ length: kvHeads * tokens * rowBytes }, () => rng.integer(256))
  const small = (size: number) => normals(rng, count).map(value => (value * size) / 2 ** bits)
  const shared = shift === 'sharedZero'
  const scale = shared ? [1 / 2 ** bits] : small(1)
  const numberDims = shared ? [1, 1, 1] : groups
  const zeros = Array.from({ length: shared ? 1 : count }, () => 2 ** (bits - 1) - 1 + rng.integer(2))
  return affine(
    {
      codes: upload(device, 'uint8', [kvHeads, tokens, rowBytes], bytes),
      scale: upload(device, scaleType, numberDims, scale),
      zero: shift === 'zero' || shared ? upload(device, 'uint8', numberDims, zeros) : undefined,
      offset: shift === 'offset' ? upload(device, scaleType, groups, small(2 ** bits)) : undefined,
    },
    { dims, bits, group, axis: 2 },
  )
}

export const attentionCases: readonly KernelCase[] = [
  caseOf('every query sees every key', () => ({})),
  caseOf('causal', () => ({ options: { causal: true }, sample: { causal: true } })),
  caseOf('fewer keys in use than there is room for', ({ heads }) => {
    const length = Math.floor(heads.tokens / 2)
    return { options: { length, causal: true }, sample: { length, causal: true } }
  }),
  caseOf('weights and masks per key', ({ heads, make }) => {
    const bias = (kv: number, j: number) => ((kv + j) % 3 === 0 ? -Infinity : Math.log(1 + (j % 4)))
    const { kvHeads, tokens } = heads
    const logWeight = make(
      [kvHeads, tokens],
      Array.from({ length: kvHeads * tokens }, (_, i) => bias(Math.floor(i / tokens), i % tokens)),
    )
    return { options: { logWeight }, sample: { bias } }
  }),
  caseOf('only chosen keys', ({ heads: { kvHeads, tokens }, make }) => {
    const each = Math.floor(tokens / 2)
    const chosen = (kv: number, j: number) => j % 2 === kv % 2 && Math.floor(j / 2) < each
    const index = Array.from({ length: kvHeads }, (_, kv) =>
      Array.from({ length: tokens }, (_, j) => j).filter(j => chosen(kv, j)),
    )
    const count = Math.min(...index.map(list => list.length))
    const listed = index.map(list => list.slice(0, count))
    const keyIndex = make([kvHeads, count], listed.flat(), 'int32')
    return { options: { keyIndex }, sample: { bias: (kv, j) => (listed[kv]!.includes(j) ? 0 : -Infinity) } }
  }),
  ...WINDOWS.flatMap(window =>
    [true, false].flatMap(causal => {
      const name = `a window of ${window}, ${causal ? 'causal' : 'on both sides'}`
      const set = { options: { window, causal }, sample: { window, causal } }
      return [caseOf(name, () => set), caseOf(`${name}, over many keys`, () => set, { shapes: LONG_SHAPES })]
    }),
  ),
  caseOf('a window over the keys in use, with weights per key', ({ heads: { kvHeads, tokens }, make }) => {
    const bias = (kv: number, j: number) => ((kv + j) % 3 === 0 ? -Infinity : Math.log(1 + (j % 4)))
    const values = Array.from({ length: kvHeads * tokens }, (_, i) =>
      bias(Math.floor(i / tokens), i % tokens),
    )
    const seen = { length: Math.ceil(tokens / 2), window: 4, causal: true }
    return { options: { ...seen, logWeight: make([kvHeads, tokens], values) }, sample: { ...seen, bias } }
  }),
  caseOf('capped scores, to which weights per key are added', ({ heads: { kvHeads, tokens }, make }) => {
    const bias = (kv: number, j: number) => ((kv + j) % 5 === 0 ? -Infinity : 2 * Math.sin(j))
    const values = Array.from({ length: kvHeads * tokens }, (_, i) =>
      bias(Math.floor(i / tokens), i % tokens),
    )
    const logWeight = make([kvHeads, tokens], values)
    return { options: { softcap: 0.7, logWeight }, sample: { softcap: 0.7, bias } }
  }),
  caseOf('capped scores in a window', () => ({
    options: { softcap: 1.5, window: 6, causal: true },
    sample: { softcap: 1.5, window: 6, causal: true },
  })),
  {
    kernel: 'attention',
    name: 'refuses a window and a softcap that mean nothing',
    run(device) {
      const x = upload(device, 'float32', [1, 2, 2], [1, 2, 3, 4])
      for (const wrong of [0, -1, NaN, 'nonsense', null] as never[]) {
        expect(() => attention(x, x, x, { scale: 1, window: wrong }), `window ${wrong}`).toThrow(ShapeError)
        expect(() => attention(x, x, x, { scale: 1, softcap: wrong }), `softcap ${wrong}`).toThrow(ShapeError)
      }
      expect(() => attention(x, x, x, { scale: 1, window: 1.5 })).toThrow(ShapeError)
    },
  },
  ...storedCases,
  {
    kernel: 'attention',
    name: 'rotates unrotated keys, decodes encoded ones, and writes over the queries',
    async run(device) {
      const rng = new Rng(42)
      const q = random(device, rng, [2, 3, 8])
      const [k, v] = [
        cast(random(device, rng, [1, 5, 8]), 'float16'),
        cast(random(device, rng, [1, 5, 8]), 'float16'),
      ]
      const positions = upload(device, 'int32', [5], [0, 3, 4, 7, 100])
      const frequencies = upload(device, 'float32', [4], frequenciesOf(4))
      const rotation = { positions, frequencies, layout: 'half' as const, scale: 1.2 }
      const apart = attention(q, rope(decode(dense(k)), rotation), cast(v, 'float32'), { scale: 1 })
      const expected = await numbersIn(apart)
      expect(attention(q, dense(k), dense(v), { scale: 1, rope: rotation, out: q })).toBe(q)
      await expectElements(q, expected, { dims: [2, 3, 8], ...CLOSE })
    },
  },
  {
    kernel: 'attention',
    name: 'in sequence, each query on its own, bit for bit',
    hostOnly: true,
    async run(device) {
      const rng = new Rng(43)
      const q = random(device, rng, [1, 70, 8])
      const [k, v] = [random(device, rng, [1, 70, 8]), random(device, rng, [1, 70, 8])]
      const options = { scale: 0.3, causal: true, order: 'sequential' as const }
      const whole = attention(q, k, v, options).reshape([70, 8])
      for (const i of [0, 1, 33, 66, 69]) {
        const alone = attention(
          q
            .reshape([70, 8])
            .rows(i, i + 1)
            .reshape([1, 1, 8]),
          k,
          v,
          { ...options, length: i + 1 },
        )
        expect(sameBytes(await alone.read(), await whole.rows(i, i + 1).read())).toBe(true)
      }
    },
  },
  {
    kernel: 'mergeAttention',
    name: 'parts give the attention over all keys',
    async run(device) {
      const rng = new Rng(44)
      const q = random(device, rng, [4, 3, 8])
      const [k, v] = [random(device, rng, [4, 20, 8]), random(device, rng, [4, 20, 8])]
      const whole = attention(q, k, v, { scale: 0.4 })
      // Heads 1 to 3 see their keys in two parts; head 0 in one; a part without keys changes nothing.
      const pieces = (
        [
          [[0], 0, 20],
          [[1, 2, 3], 0, 7],
          [[3, 2, 1], 7, 20],
          [[2], 4, 4],
        ] as const
      ).map(([heads, start, end]) => {
        const pick = (x: Tensor, from: number, until: number) => {
          const rows = heads.map(head =>
            x
              .rows(head, head + 1)
              .reshape([x.dims[1]!, 8])
              .rows(from, until),
          )
          const out = device.empty('float32', [heads.length, until - from, 8])
          for (const [i, row] of rows.entries()) {
            cast(row, 'float32', { out: out.rows(i, i + 1).reshape([until - from, 8]) })
          }
          return out
        }
        const lse = device.empty('float32', [heads.length, 3])
        const o = attention(pick(q, 0, 3), pick(k, start, end), pick(v, start, end), { scale: 0.4, lse })
        return { heads, o, lse }
      })
      await expectElements(mergeAttention(pieces), await numbersIn(whole), { dims: [4, 3, 8], ...CLOSE })
      const out = device.empty('float32', [4, 3, 8])
      expect(mergeAttention(pieces, { out })).toBe(out)
      await expectElements(out, await numbersIn(whole), { dims: [4, 3, 8], ...CLOSE })
      // One part that names heads more than once.
      const joined = async (of: 'o' | 'lse', width: number) => {
        const values = await Promise.all(pieces.map(async piece => [...(await numbersIn(piece[of]))]))
        return upload(device, 'float32', [8, ...(width === 1 ? [3] : [3, width])], values.flat())
      }
      const heads = pieces.flatMap(piece => piece.heads)
      const part = { heads, o: await joined('o', 8), lse: await joined('lse', 1) }
      await expectElements(mergeAttention([part]), await numbersIn(whole), { dims: [4, 3, 8], ...CLOSE })
    },
  },
]
