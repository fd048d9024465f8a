/**
 * Speed of the reference kernels: `npx tsx --conditions=@tersor/source packages/core-tensor/bench/reference.bench.ts`.
 *
 * A multiplication and an addition count as two operations. The reference serves devices that lack
 * a kernel, and tests; nothing is compared here, other packages print it beside their own figures.
 */
import { affine, decode, linear, Rng, Tensor } from '@tersor/core-tensor'
import { attention, matmul, quantizeAffine } from '@tersor/core-tensor/reference'

const rng = new Rng(1)
const normal = (...dims: number[]): Tensor =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )

/** The median milliseconds of a call, after warming up. */
function median(run: () => void, repeats = 41): number {
  for (let i = 0; i < 10; i++) run()
  const times = Array.from({ length: repeats }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return times.sort((a, b) => a - b)[repeats >> 1]!
}

function report(name: string, operations: number, bytes: number, run: () => void): void {
  const ms = median(run)
  const rate = (operations / ms / 1e6).toFixed(2)
  console.log(
    `${name.padEnd(44)} ${ms.toFixed(3).padStart(8)} ms  ${rate.padStart(6)} GFLOP/s  ${(bytes / ms / 1e6).toFixed(2).padStart(6)} GB/s`,
  )
}

// x (256, 64) · wᵀ, w (172, 64): 2·256·64·172 = 5.6 million operations on 286 KB, so arithmetic decides.
const [m, k, n] = [256, 64, 172]
const [x, w] = [normal(m, k), normal(n, k)]
const product = 2 * m * k * n
const traffic = 4 * (m * k + n * k + m * n)
report('linear 256×64×172', product, traffic, () => linear(x, w))
report('linear 256×64×172, sequential', product, traffic, () => linear(x, w, { order: 'sequential' }))

// The same weight in 4 bits, groups of 32: decoding its 11,008 elements comes on top.
const scale = new Tensor('float32', new Float32Array(n * 2).fill(0.3), [n, 2])
const zero = new Tensor('uint8', new Uint8Array(n * 2).fill(8), [n, 2])
const grouping = { bits: 4, group: 32, axis: 1 }
const codes = quantizeAffine(w, scale, { ...grouping, zero })
const quantized = affine({ codes, scale, zero }, { dims: [n, k], ...grouping })
report('linear 256×64×172, affine 4 bits', product, traffic, () => linear(x, quantized))
report('decode affine 4 bits, 172×64', 2 * n * k, 4 * n * k, () => decode(quantized))

// One token: 2·1024·1024 operations on 4 MB, so memory decides.
const [token, square] = [normal(1, 1024), normal(1024, 1024)]
report('linear 1×1024×1024', 2 * 1024 ** 2, 4 * 1024 ** 2, () => linear(token, square))
report('matmul 1×1024×1024, untransposed', 2 * 1024 ** 2, 4 * 1024 ** 2, () => matmul(token, square))

// Prefill: q·kᵀ and weights·v are 2·2·8·512·512·8 = 67 million operations, and 2.1 million exponentials.
const [q, keys, values] = [normal(8, 512, 8), normal(8, 512, 8), normal(8, 512, 8)]
const attending = 2 * 2 * 8 * 512 * 512 * 8
const read = 4 * 4 * 8 * 512 * 8
report('attention 8 heads × 512 × 8', attending, read, () => attention(q, keys, values, { scale: 8 ** -0.5 }))
report('attention 8 heads × 512 × 8, causal', attending / 2, read, () =>
  attention(q, keys, values, { scale: 8 ** -0.5, causal: true }),
)
report('attention 8 heads × 512 × 8, sequential', attending, read, () =>
  attention(q, keys, values, { scale: 8 ** -0.5, order: 'sequential' }),
)
