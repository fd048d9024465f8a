import { decodeNarrow, encodeNarrow, narrowFloats, Rng, Tensor } from '@tersor/core-tensor'
import { cacheTypes, shiftKinds } from '@tersor/core-tensor/host'
import { installMatchers } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { eachNativeDevice, normals, type TestDevice } from './test-devices.ts'

installMatchers()

interface Heads {
  heads: number
  kvHeads: number
  queries: number
  headDim: number
  length: number
  capacity: number
  causal?: boolean
  weighted?: boolean
  window?: number
  softcap?: number
}

interface Cache {
  type: keyof typeof cacheTypes
  group?: number
  scaleType?: 0 | 1
  shiftKind?: keyof typeof shiftKinds
}

interface Side {
  tensor: Tensor
  scale?: Tensor
  shift?: Tensor
  values: Float32Array
}

const CONSTANT = 7

/** Keys or values in a type, and what they stand for. */
function sideOf(t: TestDevice, seed: number, rows: number, headDim: number, cache: Cache): Side {
  const { type, group = headDim, scaleType = 0, shiftKind = 'none' } = cache
  const values = normals(seed, rows * headDim)
  const half = (x: number) => encodeNarrow(x, narrowFloats.float16)
  const wide = (x: number) => decodeNarrow(x, narrowFloats.float16)
  if (type === 'float32') return { tensor: t.floats(values), values }
  if (type === 'float16') {
    const halves = Uint16Array.from(values, half)
    return {
      tensor: t.device.upload(new Tensor('float16', halves, [halves.length])),
      values: Float32Array.from(halves, wide),
    }
  }
  const rng = new Rng(seed)
  const bits = type === 'codes8' ? 8 : 4
  const groups = Math.ceil(headDim / group)
  const numbers = rows * groups
  const codes = Uint8Array.from({ length: rows * headDim }, () => rng.integer(2 ** bits))
  const rowBytes = bits === 8 ? headDim : Math.ceil(headDim / 2)
  const bytes = new Uint8Array(rows * rowBytes)
  for (const [i, code] of codes.entries()) {
    const [row, column] = [Math.floor(i / headDim), i % headDim]
    if (bits === 8) bytes[i] = code
    else bytes[row * rowBytes + (column >> 1)]! |= code << ((column & 1) * 4)
  }
  const floats = () => {
    const given = Float32Array.from({ length: numbers }, () => rng.normal() / 2 ** bits)
    if (scaleType === 0) return { tensor: t.floats(given), given }
    const halves = Uint16Array.from(given, half)
    return {
      tensor: t.device.upload(new Tensor('float16', halves, [numbers])),
      given: Float32Array.from(halves, wide),
    }
  }
  const [scale, offset] = [floats(), floats()]
  const zero = Uint8Array.from({ length: numbers }, () => rng.integer(2 ** bits))
  const decoded = Float32Array.from(codes, (code, i) => {
    const g = Math.floor(i / headDim) * groups + Math.floor((i % headDim) / group)
    if (shiftKind === 'offset') return code * scale.given[g]! + offset.given[g]!
    return (
      (code - (shiftKind === 'zero' ? zero[g]! : shiftKind === 'constantZero' ? CONSTANT : 0)) *
      scale.given[g]!
    )
  })
  const side: Side = { tensor: t.bytes(bytes), scale: scale.tensor, values: decoded }
  if (shiftKind === 'zero') side.shift = t.bytes(zero)
  if (shiftKind === 'offset') side.shift = offset.tensor
  return side
}

function check(t: TestDevice, shape: Heads, cache: Cache): void {
  const { heads, kvHeads, queries, headDim, length, capacity, causal = false, weighted = false } = shape
  const { window = 0, softcap = 0 } = shape
  const q = normals(1, heads * queries * headDim)
  const [k, v] = [
    sideOf(t, 2, kvHeads * capacity, headDim, cache),
    sideOf(t, 3, kvHeads * capacity, headDim, cache),
  ]
  const logWeight = Float32Array.from({ length: kvHeads * capacity }, (_, i) =>
    i % 5 === 2 ? Number.NEGATIVE_INFINITY : Math.log(1 + (i % 3)),
  )
  const scale = 1 / Math.sqrt(headDim)
  const expected = new Float64Array(q.length)
  const expectedLse = new Float64Array(heads * queries)
  for (let h = 0; h < heads; h++) {
    const kv = Math.floor((h * kvHeads) / heads)
    for (let i = 0; i < queries; i++) {
      const row = h * queries + i
      const position = length - queries + i
      const scores: number[] = []
      for (let j = 0; j < length; j++) {
        if ((causal && j > position) || (window > 0 && Math.abs(j - position) >= window)) {
          scores.push(Number.NEGATIVE_INFINITY)
          continue
        }
        let sum = 0
        for (let d = 0; d < headDim; d++)
          sum += q[row * headDim + d]! * k.values[(kv * capacity + j) * headDim + d]!
        const score = softcap > 0 ? softcap * Math.tanh((sum * scale) / softcap) : sum * scale
        scores.push(score + (weighted ? logWeight[kv * capacity + j]! : 0))
      }
      const max = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
      const weights = scores.map(s => Math.exp(s - (max === Number.NEGATIVE_INFINITY ? 0 : max)))
      const sum = weights.reduce((a, b) => a + b, 0)
      expectedLse[row] = sum === 0 ? Number.NEGATIVE_INFINITY : max + Math.log(sum)
      for (const [j, w] of weights.entries())
        for (let d = 0; d < headDim; d++)
          if (sum > 0)
            expected[row * headDim + d]! += (w / sum) * v.values[(kv * capacity + j) * headDim + d]!
    }
  }
  const [o, lse] = [t.device.empty('float32', [q.length]), t.device.empty('float32', [heads * queries])]
  const { type, group = headDim, scaleType = 0, shiftKind = 'none' } = cache
  t.run(
    'attention',
    [o, lse],
    [
      t.floats(q),
      k.tensor,
      v.tensor,
      k.scale,
      v.scale,
      k.shift,
      v.shift,
      weighted ? t.floats(logWeight) : undefined,
    ],
    [
      heads,
      kvHeads,
      queries,
      headDim,
      length,
      capacity,
      cacheTypes[type],
      group,
      scaleType,
      shiftKinds[shiftKind],
      CONSTANT,
      scale,
      Number(causal),
      window,
      softcap,
    ],
  )
  expect(o.data as Float32Array).toBeAllclose(expected, { rtol: 1e-4, atol: 2e-5 })
  expect(lse.data as Float32Array).toBeAllclose(expectedLse, { rtol: 1e-5, atol: 1e-5 })
}

const SHAPES: readonly Heads[] = [
  { heads: 1, kvHeads: 1, queries: 1, headDim: 1, length: 1, capacity: 1 },
  { heads: 4, kvHeads: 2, queries: 1, headDim: 8, length: 37, capacity: 40 },
  { heads: 8, kvHeads: 1, queries: 1, headDim: 20, length: 130, capacity: 130, weighted: true },
  { heads: 3, kvHeads: 3, queries: 5, headDim: 7, length: 9, capacity: 9, causal: true },
  { heads: 2, kvHeads: 1, queries: 70, headDim: 16, length: 70, capacity: 80, causal: true },
  {
    heads: 2,
    kvHeads: 1,
    queries: 110,
    headDim: 33,
    length: 200,
    capacity: 200,
    causal: true,
    weighted: true,
  },
  { heads: 4, kvHeads: 2, queries: 9, headDim: 64, length: 300, capacity: 333 },
  { heads: 2, kvHeads: 2, queries: 4, headDim: 4, length: 0, capacity: 3 },
  { heads: 2, kvHeads: 2, queries: 0, headDim: 4, length: 4, capacity: 4 },
  { heads: 2, kvHeads: 1, queries: 12, headDim: 4, length: 3, capacity: 3, causal: true },
  {
    heads: 1,
    kvHeads: 1,
    queries: 2,
    headDim: 32,
    length: 5000,
    capacity: 5001,
    causal: true,
    weighted: true,
  },
]

/** One query, few and many, whose windows begin within, at and past blocks and pieces of keys. */
const WINDOWED: readonly Heads[] = [
  { heads: 4, kvHeads: 2, queries: 1, headDim: 32, length: 2300, capacity: 2301, window: 2100 },
  { heads: 2, kvHeads: 2, queries: 1, headDim: 64, length: 700, capacity: 700, window: 300 },
  { heads: 6, kvHeads: 2, queries: 2, headDim: 32, length: 200, capacity: 203, window: 7 },
  { heads: 2, kvHeads: 1, queries: 70, headDim: 32, length: 300, capacity: 310, window: 90 },
  { heads: 2, kvHeads: 1, queries: 20, headDim: 32, length: 10, capacity: 10, window: 4 },
]

eachNativeDevice(t => {
  for (const type of ['float32', 'float16'] as const) {
    it(`attention over ${type}`, () => {
      for (const shape of SHAPES) check(t, shape, { type })
    })
  }

  it('attention in windows and of capped scores, over all that a cache may be', () => {
    const caches: readonly Cache[] = [
      { type: 'float32' },
      { type: 'float16' },
      { type: 'codes8', shiftKind: 'zero', group: 32 },
      { type: 'codes4', shiftKind: 'offset', group: 32, scaleType: 1 },
    ]
    for (const shape of WINDOWED) {
      for (const cache of caches) {
        check(t, shape, cache)
        check(t, { ...shape, causal: true, softcap: 0.5, weighted: true }, cache)
      }
    }
  })

  it('attention in a window reads nothing that no query sees', () => {
    const [q, v] = [t.floats([1]), t.floats([Number.NaN, Number.NaN, 5, 6])]
    const k = t.floats([Number.NaN, Number.NaN, 1, 1])
    const o = t.floats([9])
    const absent = [undefined, undefined, undefined, undefined, undefined]
    t.run('attention', [o, undefined], [q, k, v, ...absent], [1, 1, 1, 1, 4, 4, 0, 1, 0, 0, 0, 1, 1, 2, 0])
    expect(o.data[0]).toBeCloseTo(5.5, 6)
  })

  it('attention over codes of 8 and 4 bits', () => {
    for (const type of ['codes8', 'codes4'] as const) {
      for (const shiftKind of Object.keys(shiftKinds) as (keyof typeof shiftKinds)[]) {
        for (const [i, shape] of SHAPES.entries()) {
          if (shape.length > 400 && shiftKind !== 'zero') continue
          check(t, shape, {
            type,
            shiftKind,
            scaleType: (i % 2) as 0 | 1,
            group: [shape.headDim, 5, 16, 32][i % 4]!,
          })
        }
      }
    }
  })

  it('attention over codes of whole vectors, in blocks that end anywhere', () => {
    for (const type of ['codes8', 'codes4'] as const) {
      for (const shiftKind of Object.keys(shiftKinds) as (keyof typeof shiftKinds)[]) {
        for (const [i, headDim] of [32, 64, 96, 128, 128].entries()) {
          const length = [1, 127, 129, 258, 390][i]!
          const heads = { heads: 2, kvHeads: 1 + (i % 2), queries: 1, headDim, length, capacity: length + 3 }
          const group = [32, 32, 32, 32, 64][i]!
          check(t, { ...heads, weighted: i === 2 }, { type, shiftKind, scaleType: (i % 2) as 0 | 1, group })
        }
      }
    }
  })

  it('attention where every key is masked gives zeros, and what is not a number shows', () => {
    const masked = t.floats([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])
    const run = (k: number[], logWeight?: Tensor) => {
      const [o, lse] = [t.floats([9]), t.floats([9])]
      t.run(
        'attention',
        [o, lse],
        [t.floats([1]), t.floats(k), t.floats([3, 4]), undefined, undefined, undefined, undefined, logWeight],
        [1, 1, 1, 1, 2, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0],
      )
      return [o.data[0], lse.data[0]]
    }
    expect(run([1, 2], masked)).toEqual([0, Number.NEGATIVE_INFINITY])
    expect(run([Number.NaN, 2])[0]).toBeNaN()
    expect(run([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toEqual([0, Number.NEGATIVE_INFINITY])
  })
})
