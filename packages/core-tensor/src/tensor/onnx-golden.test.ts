import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { decode, type Encoded } from '../encoded/encoded.ts'
import { affine } from '../encoded/kinds/affine.ts'
import { dense } from '../encoded/kinds/dense.ts'
import { scaled } from '../encoded/kinds/scaled.ts'
import { binary } from '../reference/binary.ts'
import { cast } from '../reference/cast.ts'
import { quantizeAffine } from '../reference/quantize-affine.ts'
import { attributesOf, tensorOf } from '../testing/onnx-protobuf.ts'
import { packedRowBytes, packRow, unpackRow } from './bits.ts'
import { numbersOf, toFloat32 } from './convert.ts'
import { matrixDims } from './dims.ts'
import { dtypeBits } from './dtype.ts'
import { encodeNarrow, narrowFloats as formats, type narrowFloats } from './narrow-float.ts'
import { Tensor } from './tensor.ts'

/** Beside the repository: see its SOURCE.md. */
const folder = join(import.meta.dirname, '../../../../shared/data/golden-onnx-quant')

interface Golden {
  attributes: Record<string, number>
  inputs: (Tensor | undefined)[]
  output: Tensor | undefined
}

function read(name: string): Golden {
  const file = (path: string) => new Uint8Array(readFileSync(join(folder, name, path)))
  const tensors = (kind: string) =>
    readdirSync(join(folder, name, 'test_data_set_0'))
      .filter(path => path.startsWith(kind))
      .sort()
      .map(path => tensorOf(file(`test_data_set_0/${path}`)))
  return {
    attributes: attributesOf(file('model.onnx')),
    inputs: tensors('input'),
    output: tensors('output')[0],
  }
}

const all = existsSync(folder) ? readdirSync(folder).filter(name => name.startsWith('test_')) : []
const matching = (pattern: RegExp) => all.filter(name => pattern.test(name))

/** What is not tested here, and why. */
const outOfScope: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/FLOAT4E2M1|float4e2m1/, 'float4e2m1 is no dtype of ours'],
  [/FNUZ/, 'the FNUZ formats are no dtypes of ours'],
  [/e8m0/, 'e8m0 is no dtype of ours'],
  [/INT2|_u?int2$/, '2-bit integers are no dtype of ours'],
  [/_u?int16$|blocked_symmetric/, 'affine codes have at most 8 bits'],
  [/dynamicquantize|matmulinteger|qlinear|convinteger/, 'operators of their own, not kernels'],
]
const covered = (name: string) => !outOfScope.some(([pattern]) => pattern.test(name))

const isNarrow = (type: string): type is keyof typeof narrowFloats => Object.hasOwn(formats, type)

const casts = matching(/^test_cast_(?!no_saturate)/).filter(covered)
const unsaturated = matching(/^test_cast_no_saturate/).filter(covered)
const quantize = matching(/^test_quantizelinear/).filter(covered)
const dequantize = matching(/^test_dequantizelinear/).filter(covered)

describe.skipIf(all.length === 0)(
  'ONNX backend tests (skipped where shared/data/golden-onnx-quant is absent)',
  () => {
    it('are all covered or out of scope for a reason', () => {
      const tested = [...casts, ...unsaturated, ...quantize, ...dequantize]
      expect(all.filter(name => covered(name) && !tested.includes(name))).toEqual([])
      expect([casts.length, unsaturated.length, quantize.length, dequantize.length]).toEqual([20, 4, 7, 9])
    })

    it.each(casts)('%s', name => {
      const { inputs, output } = read(name)
      const low = output!.type === 'int4' ? -8 : 0
      // ONNX leaves floats outside of an integer's range undefined, and its tests wrap around; we saturate.
      const defined = /_U?INT4$/.test(name) ? (x: number) => x >= low && x <= low + 15 : () => true
      expectSameElements(cast(inputs[0]!, output!.type), output!, [...numbersOf(inputs[0]!)].map(defined))
    })

    it.each(unsaturated)('%s', name => {
      const { inputs, output } = read(name)
      if (!isNarrow(output!.type)) throw new Error(output!.type)
      const format = formats[output!.type]
      const bits = Array.from(numbersOf(inputs[0]!), x => encodeNarrow(x, format, false))
      expectSameElements(new Tensor(output!.type, Uint8Array.from(bits), output!.dims), output!)
    })

    it.each(quantize)('%s', name => {
      const { attributes, inputs, output } = read(name)
      const [x, scale, zero] = inputs as [Tensor, Tensor, Tensor | undefined]
      if (isNarrow(output!.type)) {
        return expectSameElements(cast(binary('div', x, scale), output!.type), output!)
      }
      const { group, axis, dims } = grouping(x.dims, scale.dims, attributes)
      const { bits, shift } = integers(output!)
      const zeros = numbersOf(zero ?? new Tensor('int32', new Int32Array(scale.size), scale.dims))
      const codes = quantizeAffine(x, scale.reshape(dims), {
        bits,
        group,
        axis,
        zero: new Tensor(
          'int32',
          Int32Array.from(zeros, z => z + shift),
          dims,
        ),
      })
      expect(unpacked(codes, x.dims, bits).map(code => code - shift)).toEqual([...numbersOf(output!)])
    })

    it.each(dequantize)('%s', name => {
      const { attributes, inputs, output } = read(name)
      const [x, scale, zero] = inputs as [Tensor, Tensor, Tensor | undefined]
      let e: Encoded
      if (isNarrow(x.type)) e = scaled(dense(x), scale.reshape([scale.size]), 0)
      else {
        const { group, axis, dims } = grouping(x.dims, scale.dims, attributes)
        const { bits, shift } = integers(x)
        const zeros = numbersOf(zero ?? new Tensor('int32', new Int32Array(scale.size), scale.dims))
        const shifted = new Tensor(
          'int32',
          Int32Array.from(zeros, z => z + shift),
          dims,
        )
        const codes = packed(
          Array.from(numbersOf(x), code => code + shift),
          x.dims,
          bits,
        )
        e = affine({ codes, scale: scale.reshape(dims), zero: shifted }, { dims: x.dims, bits, group, axis })
      }
      expectSameElements(cast(decode(e), output!.type), output!)
    })
  },
)

/** ONNX's per-tensor, per-axis and blocked scales as groups. */
function grouping(
  x: readonly number[],
  scale: readonly number[],
  { axis = 1, block_size = 0 }: Record<string, number>,
) {
  const at = axis < 0 ? axis + x.length : axis
  if (block_size > 0) return { group: block_size, axis: at, dims: scale }
  if (scale.length === 0) return { group: x.at(-1)!, axis: -1, dims: x.map(() => 1) }
  return { group: 1, axis: at, dims: x.map((dim, i) => (i === at ? dim : 1)) }
}

/** Signed codes are unsigned ones, shifted by half their range. */
function integers({ type }: Tensor) {
  const bits = dtypeBits[type]
  return { bits, shift: type.startsWith('int') ? 2 ** (bits - 1) : 0 }
}

function packed(codes: readonly number[], dims: readonly number[], bits: number): Tensor {
  const { rows, columns } = matrixDims(dims)
  const rowBytes = packedRowBytes(columns, bits)
  const bytes = new Uint8Array(rows * rowBytes)
  for (let row = 0; row < rows; row++)
    packRow(codes.slice(row * columns, (row + 1) * columns), bits, bytes, row * rowBytes)
  return new Tensor('uint8', bytes, [...dims.slice(0, -1), rowBytes])
}

function unpacked(codes: Tensor, dims: readonly number[], bits: number): number[] {
  const { rows, columns } = matrixDims(dims)
  return Array.from({ length: rows }, (_, row) => {
    const line = new Uint8Array(columns)
    unpackRow(codes.data as Uint8Array, bits, line, row * packedRowBytes(columns, bits))
    return [...line]
  }).flat()
}

/** Bit for bit, but that any NaN is a NaN. */
function expectSameElements(actual: Tensor, expected: Tensor, where?: readonly boolean[]): void {
  expect([actual.type, ...actual.dims]).toEqual([expected.type, ...expected.dims])
  const [a, b] = [toFloat32(actual), toFloat32(expected)]
  const differing = [...a.keys()].filter(i => where?.[i] !== false && !Object.is(a[i], b[i]))
  expect(differing.map(i => [i, a[i], b[i]])).toEqual([])
}
