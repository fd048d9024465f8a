import { beforeAll, describe, expect, it } from 'vitest'
import {
  byteLength,
  canonicalJson,
  check,
  decode,
  type Encoded,
  isEncoded,
  linear,
} from '../encoded/encoded.ts'
import { selectRows } from '../encoded/select-rows.ts'
import { DTypeError, FormatError, ShapeError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { matmul } from '../reference/matmul.ts'
import { Rng } from '../rng.ts'
import { toFloat64 } from '../tensor/convert.ts'
import { isFloat } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { tensorsOf } from '../tensor/tensors-of.ts'
import { allcloseProblem } from './allclose.ts'
import { hostTensor, normals, sameBytes } from './cases/fixtures.ts'
import { mutations } from './mutations.ts'

/** An encoded tensor with what it was made from. */
export interface EncodingSample {
  original: Tensor
  encoded: Encoded
  /** The largest ‖decoded − original‖ / ‖original‖ that the encoding may lose. */
  bound: number
  /** The least that it must lose, so that the identity cannot pass; 0 for lossless ones. */
  atLeast?: number | undefined
}

/**
 * The conformance suite of a kind of encoding: decoding within its bound, rows, `selectRows`, `out`, size,
 * `linear`, and `check` against mutated trees. It declares a vitest suite.
 *
 * @param name  of the suite
 * @param make  one sample, on a host device; a matrix of floats, where `linear` is to be tested, which
 *   refuses integers
 *
 * ```ts no-run
 * describeEncoding('float16', () => {
 *   const original = new Tensor('float32', [1, 0.1, 0.2, 0.3], [2, 2])
 *   return { original, encoded: dense(cast(original, 'float16')), bound: 2 ** -11, atLeast: 1e-6 }
 * })
 * ```
 */
export function describeEncoding(name: string, make: () => EncodingSample | Promise<EncodingSample>): void {
  describe(name, () => {
    let sample: EncodingSample
    let e: Encoded
    let whole: Tensor
    beforeAll(async () => {
      sample = await make()
      e = sample.encoded
      whole = decode(e)
    })

    it('decodes to the original within its bound, and not to less', () => {
      expect([whole.type, ...whole.dims]).toEqual([e.type, ...sample.original.dims])
      const error = relativeError(whole, sample.original)
      expect(error).toBeLessThanOrEqual(sample.bound)
      expect(error).toBeGreaterThanOrEqual(sample.atLeast ?? 0)
    })

    it('decodes rows as it decodes the whole', () => {
      const n = e.dims[0]!
      for (const [start, end] of [
        [0, n],
        [0, 0],
        [n, n],
        [n >> 1, n],
        [0, n >> 1],
        [n >> 2, (n >> 2) + Math.min(1, n)],
      ] as const) {
        const rows = decode(e, { rows: [start, end] })
        expect(rows.dims).toEqual([end - start, ...e.dims.slice(1)])
        expect(allcloseProblem(rows, whole.rows(start, end), { rtol: 1e-5, atol: 1e-6 })).toBeUndefined()
      }
      expect(() => decode(e, { rows: [0, n + 1] })).toThrow(ShapeError)
      expect(() => decode(e, { rows: [1, 0] })).toThrow(ShapeError)
    })

    it('gives rows in any order that decode to those of the whole, bit for bit', () => {
      const n = e.dims[0]!
      const middle = [n >> 1, n - (n >> 2)] as const
      const orders = [
        new Rng(71).permutation(n),
        Int32Array.of(),
        ...(n > 0 ? [Int32Array.of(n - 1, 0, n - 1)] : []),
      ]
      for (const rows of [[0, n] as const, [n, n] as const, middle, ...orders]) {
        const list =
          rows instanceof Int32Array
            ? [...rows]
            : Array.from({ length: rows[1] - rows[0] }, (_, i) => rows[0] + i)
        const some = decode(selectRows(e, rows))
        expect([some.type, ...some.dims]).toEqual([e.type, list.length, ...e.dims.slice(1)])
        list.forEach((row, i) => {
          expect(
            sameBytes(some.rows(i, i + 1).data, whole.rows(row, row + 1).data),
            `row ${row} of [${list}]`,
          ).toBe(true)
        })
      }
      expect(() => selectRows(e, [0, n + 1])).toThrow(ShapeError)
      expect(() => selectRows(e, Int32Array.of(n))).toThrow(ShapeError)
      expect(() => selectRows(e, Int32Array.of(-1))).toThrow(ShapeError)
    })

    it('decodes into out, of its own or another dtype, and into nothing else', () => {
      for (const type of [e.type, 'float64', 'float16'] as const) {
        const out = whole.device.empty(type, e.dims)
        expect(decode(e, { out })).toBe(out)
        expect(sameBytes(out.data, cast(whole, type).data)).toBe(true)
      }
      const wrong = whole.device.empty('float32', [...e.dims.slice(0, -1), e.dims.at(-1)! + 1])
      expect(() => decode(e, { out: wrong })).toThrow(ShapeError)
    })

    it('gives memory of its own', () => {
      const before = cast(whole, 'float32')
      const copy = decode(e)
      if (copy.size > 0) copy.data.fill(copy.type === 'int64' ? (0n as never) : (0 as never))
      expect(sameBytes(cast(decode(e), 'float32').data, before.data)).toBe(true)
    })

    it('takes the bytes of its parts and of its metadata', () => {
      expect(byteLength(e)).toBe(payload(e))
    })

    it('multiplies as what it decodes to', context => {
      context.skip(e.dims.length !== 2, 'not a matrix')
      if (!isFloat(e.type)) {
        expect(() => linear(whole.device.empty('float32', [1, e.dims[1]!]), e)).toThrow(DTypeError)
        return
      }
      const rng = new Rng(61)
      for (const transpose of [false, true]) {
        const [n, k] = transpose ? [e.dims[1]!, e.dims[0]!] : [e.dims[0]!, e.dims[1]!]
        const w = cast(whole, 'float32')
        for (const batch of [[], [1], [9], [2, 3]]) {
          const dims = [...batch, k]
          const x = whole.device.upload(
            hostTensor(
              'float32',
              dims,
              normals(
                rng,
                dims.reduce((a, b) => a * b, 1),
              ),
            ),
          )
          const expected = matmul(x, w, { transposeB: !transpose })
          const close = { rtol: 1e-4, atol: 1e-4 * rootMeanSquare(expected) }
          const y = linear(x, e, { transpose })
          expect([y.type, ...y.dims]).toEqual(['float32', ...batch, n])
          expect(allcloseProblem(y, expected, close)).toBeUndefined()

          expect(linear(x, e, { transpose, out: y, accumulate: true })).toBe(y)
          expect(
            allcloseProblem(
              y,
              toFloat64(expected).map(value => 2 * value),
              close,
            ),
          ).toBeUndefined()
          linear(x, e, { transpose, out: y })
          expect(allcloseProblem(y, expected, close)).toBeUndefined()
          expect(() =>
            linear(x, e, { transpose, out: whole.device.empty('float32', [1, ...batch, n]) }),
          ).toThrow(ShapeError)

          if (batch.length !== 1) continue
          const ordered = linear(x, e, { transpose, order: 'sequential' })
          expect(allcloseProblem(ordered, expected, close)).toBeUndefined()
          const last = linear(x.rows(batch[0]! - 1, batch[0]!), e, { transpose, order: 'sequential' })
          expect(sameBytes(last.data, ordered.rows(batch[0]! - 1, batch[0]!).data)).toBe(true)
        }
      }
    })

    it('refuses trees that contradict themselves', () => {
      expect(() => check(e)).not.toThrow()
      for (const [what, mutated] of mutations(e)) {
        expect(() => check(mutated), what).toThrow(FormatError)
      }
    })
  })
}

/** ‖a − b‖ / ‖b‖ */
function relativeError(a: Tensor, b: Tensor): number {
  const [x, y] = [toFloat64(a), toFloat64(b)]
  const difference = x.map((value, i) => value - y[i]!)
  return Math.hypot(...difference) / (Math.hypot(...y) || 1)
}

function rootMeanSquare(x: Tensor): number {
  return Math.sqrt(toFloat64(x).reduce((sum, value) => sum + value * value, 0) / Math.max(x.size, 1))
}

/** What a file would hold: the bytes of every tensor once, and the JSON of every node. */
function payload(e: Encoded): number {
  const tensors = new Set(tensorsOf(e))
  return [...tensors].reduce((sum, { data }) => sum + data.byteLength, metaBytes(e))
}

function metaBytes(e: Tensor | Encoded): number {
  if (!isEncoded(e)) return 0
  const parts = Object.values(e.parts).reduce((sum, part) => sum + metaBytes(part), 0)
  return parts + Buffer.byteLength(canonicalJson(e.meta), 'utf8')
}
