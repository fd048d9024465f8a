import { expect, it } from 'vitest'
import { FormatError } from '../errors.ts'
import { cast } from '../reference/cast.ts'
import { Tensor } from '../tensor/tensor.ts'
import { decode, isEncoded } from './encoded.ts'
import { affine } from './kinds/affine.ts'
import { dense } from './kinds/dense.ts'
import { product } from './kinds/product.ts'
import { sum } from './kinds/sum.ts'
import { mapParts } from './map-parts.ts'
import { withParts } from './with-parts.ts'

const codes = new Tensor('uint8', [33, 67], [2, 1])
const scale = new Tensor('float32', [0.5, 0.25], [2, 1])
const weight = affine({ codes, scale }, { dims: [2, 2], bits: 4, group: 2, axis: 1 })

it('withParts replaces what is named and leaves the rest as it is', () => {
  const doubled = withParts(weight, { scale: new Tensor('float32', [1, 0.5], [2, 1]) })
  expect(doubled.parts.codes).toBe(codes)
  expect(doubled.meta).toEqual(weight.meta)
  expect([...decode(doubled).data]).toEqual([...decode(weight).data].map(x => Number(x) * 2))
  expect(weight.parts.scale).toBe(scale)
})

it('withParts is the tree itself where nothing changes', () => {
  expect(withParts(weight, {})).toBe(weight)
  expect(withParts(weight, { codes, scale })).toBe(weight)
})

it('withParts refuses a part that the tree has not, or that does not fit', () => {
  expect(() => withParts(weight, { zero: codes })).toThrow(
    "[withParts] expected parts of affine among codes, scale, got 'zero'",
  )
  expect(() => withParts(weight, { toString: codes })).toThrow(FormatError)
  expect(() => withParts(weight, { scale: new Tensor('float32', [1], [1]) })).toThrow(FormatError)
})

it('mapParts changes tensors at any depth when it calls itself', () => {
  const half = (part: Tensor | typeof weight): Tensor | typeof weight =>
    isEncoded(part) ? mapParts(part, half) : part.type === 'float32' ? dense(cast(part, 'float16')) : part
  const tree = sum(weight, product(scale, new Tensor('float32', [1, 2], [1, 2])))
  const halved = mapParts(tree, half)
  expect([...decode(halved).data]).toEqual([...decode(tree).data])
  expect(mapParts(tree, part => part)).toBe(tree)
})
