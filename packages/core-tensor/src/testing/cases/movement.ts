import { expect } from 'vitest'
import { copy } from '../../reference/copy.ts'
import { gather } from '../../reference/gather.ts'
import { scatterAdd } from '../../reference/scatter-add.ts'
import { transpose } from '../../reference/transpose.ts'
import { Rng } from '../../rng.ts'
import { aroundAxis, sizeOf } from '../../tensor/dims.ts'
import { type DType, dtypeBits } from '../../tensor/dtype.ts'
import type { KernelCase } from '../describe-device.ts'
import { expectElements, numbersIn, random, upload } from './fixtures.ts'

const types = Object.keys(dtypeBits) as DType[]
const byteTypes = types.filter(type => dtypeBits[type] >= 8)
const wide = (type: DType) => type === 'float64' || type === 'int64'

/** Whole numbers that every dtype of whole bytes holds: 0 and 1 for bool. */
function smallNumbers(rng: Rng, size: number, type: DType): number[] {
  return Array.from({ length: size }, () => rng.integer(type === 'bool' ? 2 : 8))
}

/** `transpose` in the words of its definition: element by element, by coordinates. */
function transposed(x: ArrayLike<number>, dims: readonly number[], permutation: readonly number[]): number[] {
  const outDims = permutation.map(axis => dims[axis]!)
  return Array.from({ length: x.length }, (_, i) => {
    const coordinates = new Array<number>(dims.length)
    for (let axis = outDims.length - 1; axis >= 0; axis--) {
      coordinates[permutation[axis]!] = i % outDims[axis]!
      i = Math.floor(i / outDims[axis]!)
    }
    return x[coordinates.reduce((at, coordinate, axis) => at * dims[axis]! + coordinate, 0)]!
  })
}

const moveCases: KernelCase[] = byteTypes.flatMap(type => [
  {
    kernel: 'copy' as const,
    name: `a block of ${type} into the middle`,
    hostOnly: wide(type),
    async run(device) {
      const rng = new Rng(3)
      for (const [dims, at, into] of [
        [
          [0, 3],
          [1, 0],
          [4, 3],
        ],
        [
          [2, 3],
          [1, 2],
          [5, 7],
        ],
        [
          [2, 1, 5],
          [0, 3, 0],
          [3, 4, 5],
        ],
        [[65], [3], [70]],
      ] as const) {
        const block = smallNumbers(rng, sizeOf(dims), type)
        const whole = smallNumbers(rng, sizeOf(into), type)
        const out = upload(device, type, into, whole)
        expect(copy(upload(device, type, dims, block), { out, at })).toBe(out)
        block.forEach((value, i) => {
          let index = 0
          let stride = 1
          for (let axis = dims.length - 1; axis >= 0; axis--) {
            index += ((i % dims[axis]!) + at[axis]!) * stride
            stride *= into[axis]!
            i = Math.floor(i / dims[axis]!)
          }
          whole[index] = value
        })
        await expectElements(out, whole, { dims: into, type })
      }
    },
  },
  {
    kernel: 'transpose' as const,
    name: `${type} in every order of axes`,
    hostOnly: wide(type),
    async run(device) {
      const rng = new Rng(4)
      for (const [dims, permutation] of [
        [
          [0, 3],
          [1, 0],
        ],
        [
          [1, 1],
          [1, 0],
        ],
        [
          [67, 33],
          [1, 0],
        ],
        [
          [3, 5, 7],
          [2, 0, 1],
        ],
        [
          [3, 5, 7],
          [0, 2, 1],
        ],
        [
          [2, 3, 4, 5],
          [3, 1, 0, 2],
        ],
        [[9], [0]],
      ] as const) {
        const x = smallNumbers(rng, sizeOf(dims), type)
        const y = transpose(upload(device, type, dims, x), permutation)
        await expectElements(y, transposed(x, dims, permutation), {
          dims: permutation.map(axis => dims[axis]!),
          type,
        })
      }
    },
  },
  {
    kernel: 'gather' as const,
    name: `${type} along each axis`,
    hostOnly: wide(type),
    async run(device) {
      const rng = new Rng(5)
      const dims = [4, 5, 3]
      const x = smallNumbers(rng, 60, type)
      for (let axis = 0; axis < 3; axis++) {
        const { outer, length, inner } = aroundAxis(dims, axis, 'case')
        const index = Array.from({ length: 7 }, () => rng.integer(length))
        const expected: number[] = []
        for (let o = 0; o < outer; o++) {
          for (const i of index)
            for (let j = 0; j < inner; j++) expected.push(x[(o * length + i) * inner + j]!)
        }
        const y = gather(upload(device, type, dims, x), upload(device, 'int32', [7], index), { axis })
        await expectElements(y, expected, { dims: dims.map((dim, i) => (i === axis ? 7 : dim)), type })
      }
    },
  },
])

export const movementCases: readonly KernelCase[] = [
  ...moveCases,
  {
    kernel: 'transpose',
    name: 'a matrix into itself',
    async run(device) {
      const x = random(device, new Rng(6), [9, 9])
      const before = await numbersIn(x)
      transpose(x, [1, 0], { out: x })
      await expectElements(x, transposed(before, [9, 9], [1, 0]), { dims: [9, 9] })
    },
  },
  {
    kernel: 'gather',
    name: 'rows of a matrix into itself, and no rows',
    async run(device) {
      const x = upload(device, 'float32', [3, 2], [1, 2, 3, 4, 5, 6])
      gather(x, upload(device, 'int32', [3], [2, 0, 0]), { axis: 0, out: x })
      await expectElements(x, [5, 6, 1, 2, 1, 2], { dims: [3, 2] })
      const none = gather(x, upload(device, 'int32', [0], []), { axis: 0 })
      await expectElements(none, [], { dims: [0, 2] })
      const grid = gather(x, upload(device, 'int32', [2, 2], [0, 1, 2, 0]), { axis: 0 })
      await expectElements(grid, [5, 6, 1, 2, 1, 2, 5, 6], { dims: [2, 2, 2] })
    },
  },
  ...(['float32', 'float64'] as const).map(
    (type): KernelCase => ({
      kernel: 'scatterAdd',
      name: `${type} in the order of the index, also where it repeats`,
      hostOnly: type === 'float64',
      async run(device) {
        const rng = new Rng(7)
        for (const [dims, axis, count] of [
          [[5, 3], 0, 9],
          [[5, 3], 1, 4],
          [[2, 4, 65], 1, 6],
          [[4, 1], 0, 0],
        ] as const) {
          const { outer, length, inner } = aroundAxis(dims, axis, 'case')
          const index = Array.from({ length: count }, () => rng.integer(length))
          const xDims = dims.map((dim, i) => (i === axis ? count : dim))
          const x = random(device, rng, xDims, type)
          const out = random(device, rng, dims, type)
          const round = type === 'float32' ? Math.fround : (value: number) => value
          const [terms, sums] = [await numbersIn(x), await numbersIn(out)]
          for (let o = 0; o < outer; o++) {
            for (let i = 0; i < count; i++) {
              for (let j = 0; j < inner; j++) {
                const to = (o * length + index[i]!) * inner + j
                sums[to] = round(sums[to]! + terms[(o * count + i) * inner + j]!)
              }
            }
          }
          expect(scatterAdd(x, upload(device, 'int32', [count], index), { out, axis })).toBe(out)
          await expectElements(out, sums, { dims, type })
        }
      },
    }),
  ),
]
