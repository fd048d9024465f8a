import { hadamard, hadamardBlock } from '../../../reference/hadamard.ts'
import { Rng } from '../../../rng.ts'
import type { KernelCase } from '../../describe-device.ts'
import { expectElements, numbersIn, random, upload } from '../fixtures.ts'

const { fround } = Math

export const hadamardCases: readonly KernelCase[] = [
  {
    kernel: 'hadamard',
    name: 'every width: butterflies in float32, bit for bit, and its own inverse',
    hostOnly: true,
    async run(device) {
      for (const n of [0, 1, 2, 3, 12, 64, 96, 172, 256]) {
        const rng = new Rng(n + 37)
        const x = random(device, rng, [3, n])
        const signs = upload(
          device,
          'float32',
          [n],
          Array.from({ length: n }, () => (rng.uint32() & 1 ? 1 : -1)),
        )
        const [data, flips] = [await numbersIn(x), await numbersIn(signs)]
        const y = hadamard(x, { signs })
        await expectElements(
          y,
          transform(
            data.map((value, i) => value * flips[i % n]!),
            hadamardBlock(n),
          ),
          { dims: [3, n] },
        )
        const back = hadamard(y, { signs, inverse: true, out: y })
        await expectElements(back, data, { dims: [3, n], rtol: 1e-5, atol: 1e-5 })
      }
    },
  },
  {
    kernel: 'hadamard',
    name: 'is x·H/√block with H(i, j) = (−1)^popcount(i & j)',
    async run(device) {
      const x = random(device, new Rng(38), [2, 24])
      const data = await numbersIn(x)
      const expected = data.map((_, i) => {
        const start = i - (i % 8)
        let total = 0
        for (let j = 0; j < 8; j++) total += data[start + j]! * (popcount(j & (i % 8)) % 2 === 0 ? 1 : -1)
        return total / Math.sqrt(8)
      })
      await expectElements(hadamard(x), expected, { dims: [2, 24], rtol: 1e-5, atol: 1e-6 })
    },
  },
]

function transform(data: Float64Array, block: number): Float64Array {
  let values = data
  for (let width = 1; width < block; width *= 2) {
    const before = values
    values = before.map((value, i) =>
      fround((i & width) === 0 ? value + before[i + width]! : before[i - width]! - value),
    )
  }
  return values.map(value => fround(value * fround(1 / Math.sqrt(block))))
}

function popcount(x: number): number {
  return x === 0 ? 0 : (x & 1) + popcount(x >> 1)
}
