import { describe, expect, it } from 'vitest'
import {
  affine,
  asTensor,
  byteLength,
  codebook,
  concat,
  decode,
  dense,
  fromOrt,
  linear,
  numbersOf,
  permuted,
  product,
  reference,
  scaled,
  sparse,
  sum,
  Tensor,
  TersorError,
  toFloat32,
  toOrt,
  transfer,
  withParts,
} from './index.ts'
import { cholesky, qr, svd, symmetricEigen } from './linalg/index.ts'
import { GrowingDevice } from './testing/growing-device.ts'

const x = new Tensor('float32', [1, 2, 3, 4], [2, 2])
const int32 = new Tensor('int32', [0, 1], [2])
const encoded = dense(x)
const codes = new Tensor('uint8', [33, 67], [2, 1])
const grouping = { dims: [2, 2], bits: 4, group: 2, axis: 1 }
const scale = new Tensor('float32', [1, 1], [2, 1])

const strangers: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  null: null,
  'a number': 5,
  text: 'float32',
  'an array': [1, 2],
  'an empty object': {},
  'a typed array': new Float32Array(4),
}
/** Where only tensors belong. */
const strangersAndEncodings = { ...strangers, 'an encoding': encoded }

/** What takes a tensor, called with something else in its place. */
const tensors: Readonly<Record<string, (stranger: never) => unknown>> = {
  'x of linear': stranger => linear(stranger, x),
  'x of linear with an encoding': stranger => linear(stranger, encoded),
  'upload of the reference': stranger => reference.upload(stranger),
  'upload of another device': stranger => new GrowingDevice().upload(stranger),
  asTensor,
  fromOrt,
  toOrt: stranger => toOrt(stranger, Tensor as never),
  numbersOf,
  toFloat32,
  'codes of codebook': stranger => codebook({ codes: stranger, table: scale }, { dims: [2, 2], bits: 4 }),
  'index of sparse': stranger => sparse({ values: x, index: stranger }, { dims: [2, 2], pattern: 'rows' }),
  'index of permuted': stranger => permuted(x, stranger, 0),
  cholesky: stranger => cholesky(stranger),
  qr,
  svd: stranger => svd(stranger),
  symmetricEigen: stranger => symmetricEigen(stranger),
}

/** What takes a weight, compressed or not. */
const weights: Readonly<Record<string, (stranger: never) => unknown>> = {
  'w of linear': stranger => linear(x, stranger),
  decode,
  byteLength,
  transfer: stranger => transfer(stranger, reference),
  withParts: stranger => withParts(encoded, { values: stranger }),
  'scale of affine': stranger => affine({ codes, scale: stranger }, grouping),
  dense: stranger => dense(stranger),
  sum: stranger => sum(x, stranger),
  product: stranger => product(x, stranger),
  concat: stranger => concat(0, x, stranger),
  'base of scaled': stranger => scaled(stranger, new Tensor('float32', [1, 1], [2]), 0),
  'base of permuted': stranger => permuted(stranger, int32, 0),
}

describe('what plain JavaScript may pass', () => {
  const table = [
    ...Object.entries(tensors).map(([name, call]) => [name, call, strangersAndEncodings] as const),
    ...Object.entries(weights).map(([name, call]) => [name, call, strangers] as const),
  ]
  it.each(table)('as %s is refused by a typed error', async (name, call, values) => {
    for (const [what, stranger] of Object.entries(values)) {
      const result = await (async () => call(stranger as never))().catch((error: unknown) => error)
      expect(result, `${name} with ${what}`).toBeInstanceOf(TersorError)
      expect((result as Error).message, `${name} with ${what}`).toMatch(/^\[.*\] .*expected .*, got /s)
    }
  })

  it('as data or dims of a tensor is refused by a typed error', () => {
    for (const stranger of [undefined, null, 5, 'text', {}, [undefined], ['1'], new ArrayBuffer(4)]) {
      expect(() => new Tensor('float32', stranger as never, [1])).toThrow(TersorError)
      expect(() => new Tensor('int64', stranger as never, [1])).toThrow(TersorError)
    }
    for (const stranger of [undefined, null, 1, 'text', {}, [0.5], [-1], ['1'], [undefined]])
      expect(() => new Tensor('float32', [1], stranger as never)).toThrow(TersorError)
    expect(() => new Tensor('float' as never, [1], [1])).toThrow(TersorError)
  })

  it('is named, with what to do', () => {
    expect(() => linear(encoded as never, encoded)).toThrow(
      '[linear] expected a tensor x, got an encoding of kind dense; of an encoding take `decode(x)`',
    )
    expect(() => new GrowingDevice().upload(encoded as never)).toThrow(
      '[Device.upload] expected a tensor, got an encoding of kind dense; `decode` or `transfer` it',
    )
    expect(() => numbersOf([1, 2] as never)).toThrow(
      '[numbersOf] expected a tensor, got an array of 2; make one with `new Tensor(type, data, dims)`',
    )
    expect(() => decode(5 as never)).toThrow('[decode] expected a tensor or an encoding, got 5')
  })
})
