import type { RopeLayout } from '../../../device/kernels.ts'
import { rope } from '../../../reference/rope.ts'
import { Rng } from '../../../rng.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, numbersIn, random, upload } from '../fixtures.ts'

/** Turns pairs as complex numbers: s·(a + bi)·e^{iφ}. */
function turned(
  x: Float64Array,
  [tokens, headDim]: readonly [number, number],
  positions: readonly number[],
  frequencies: readonly number[],
  { layout, scale }: { layout: RopeLayout; scale: number },
): Float64Array {
  const interleaved = layout === 'interleaved'
  const y = x.slice()
  for (let row = 0; row * headDim < x.length; row++) {
    frequencies.forEach((frequency, p) => {
      const angle = positions[row % tokens]! * frequency
      const i = row * headDim + (interleaved ? 2 * p : p)
      const j = interleaved ? i + 1 : i + frequencies.length
      y[i] = scale * (x[i]! * Math.cos(angle) - x[j]! * Math.sin(angle))
      y[j] = scale * (x[i]! * Math.sin(angle) + x[j]! * Math.cos(angle))
    })
  }
  return y
}

/** Those of Llama. */
export const frequenciesOf = (pairs: number) => Array.from({ length: pairs }, (_, p) => 10000 ** (-p / pairs))

export const ropeCases: readonly KernelCase[] = (
  [
    ['half', undefined],
    ['interleaved', undefined],
    ['half', 1.3],
    ['interleaved', 0.8],
  ] as const
).map(
  ([layout, scale]): KernelCase => ({
    kernel: 'rope',
    name: `${layout}${scale === undefined ? '' : `, times ${scale}`}: turns pairs, passes the rest, turns back`,
    async run(device) {
      for (const [dims, pairs] of [
        [[5, 8], 4],
        [[2, 3, 7], 3],
        [[3, 10], 2],
        [[0, 4], 2],
        [[2, 2, 3, 64], 32],
      ] as const) {
        const [tokens, headDim] = dims.slice(-2) as [number, number]
        const x = random(device, new Rng(45), dims)
        const data = await numbersIn(x)
        const positions = Array.from({ length: tokens }, (_, t) => 3 * t + 1)
        const frequencies = frequenciesOf(pairs)
        const options = {
          positions: upload(device, 'int32', [tokens], positions),
          frequencies: upload(device, 'float32', [pairs], frequencies),
          layout,
          scale,
        }
        const turning = { layout, scale: scale ?? 1 }
        const expected = turned(data, [tokens, headDim], positions, frequencies, turning)
        await expectElements(rope(x, options), expected, { dims, rtol: 1e-5, atol: 2e-5 })
        rope(x, { ...options, out: x })
        await expectElements(x, expected, { dims, rtol: 1e-5, atol: 2e-5 })
        await expectElements(rope(x, { ...options, inverse: true }), data, { dims, rtol: 1e-5, atol: 4e-5 })
      }
    },
  }),
)
