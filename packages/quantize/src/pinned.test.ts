import { type Encoded, Rng, Tensor } from '@tersor/core-tensor'
import { gram, matmul } from '@tersor/core-tensor/reference'
import { fingerprint } from '@tersor/core-tensor/testing'
import { expect, it } from 'vitest'
import { float8 } from './solvers/float8.ts'
import { gptq } from './solvers/gptq.ts'
import { nf4 } from './solvers/nf4.ts'
import { quantEase } from './solvers/quant-ease.ts'
import { rtn } from './solvers/rtn.ts'

// A change of the bytes that a method writes is a breaking change: it raises the method's version and these hashes with it.

const [ROWS, COLUMNS] = [24, 96]

function normals(seed: number, dims: readonly number[]): Tensor {
  const rng = new Rng(seed)
  return new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )
}

const weight = normals(1, [ROWS, COLUMNS])
const cube = normals(2, [4, 10, 6])
const inputs = matmul(normals(10, [400, COLUMNS]), normals(11, [COLUMNS, COLUMNS]), { order: 'sequential' })
const statistics = gram(inputs, {
  out: new Tensor('float64', new Float64Array(COLUMNS * COLUMNS), [COLUMNS, COLUMNS]),
  accumulate: true,
})

const rows: Record<string, () => Encoded | Promise<Encoded>> = {
  'rtn 2 bits, float zero': () => rtn(weight, { bits: 2, zero: 'float' }),
  'rtn 4 bits, float zero': () => rtn(weight, { bits: 4, groupSize: 20, zero: 'float' }),
  'rtn 3 bits, integer zero': () => rtn(weight, { bits: 3, groupSize: 32, zero: 'integer' }),
  'rtn 8 bits, symmetric, channel': () => rtn(weight, { bits: 8, groupSize: 'channel', zero: 'middle' }),
  'rtn 5 bits, tensor, float32': () =>
    rtn(weight, { bits: 5, groupSize: 'tensor', zero: 'float', scaleType: 'float32' }),
  'rtn 4 bits along another axis, bfloat16': () =>
    rtn(cube, { bits: 4, groupSize: 4, axis: 1, zero: 'integer', scaleType: 'bfloat16' }),
  nf4: () => nf4(weight),
  'nf4 plain, 48': () => nf4(weight, { groupSize: 48, doubleQuantize: false }),
  'float8 e4m3fn': () => float8(weight),
  'float8 e5m2, tensor': () => float8(weight, { format: 'e5m2', groupSize: 'tensor' }),
  'gptq 3 bits, integer zero': () => gptq(weight, statistics, { bits: 3, groupSize: 32, zero: 'integer' }),
  'gptq 2 bits, float zero': () => gptq(weight, statistics, { bits: 2, groupSize: 20, zero: 'float' }),
  'gptq 3 bits, act order': () =>
    gptq(weight, statistics, { bits: 3, zero: 'float', actOrder: true, damping: 0.05 }),
  'gptq 4 bits, symmetric, channel': () =>
    gptq(weight, statistics, { bits: 4, groupSize: 'channel', zero: 'middle' }),
  'quantEase after rtn': () =>
    quantEase(weight, rtn(weight, { bits: 3, zero: 'float' }), statistics, { sweeps: 3 }),
  'quantEase after gptq, no refit': async () =>
    quantEase(weight, await gptq(weight, statistics, { bits: 2, zero: 'integer' }), statistics, {
      sweeps: 2,
      refit: false,
    }),
}

const pinned: Readonly<Record<string, string>> = {
  'rtn 2 bits, float zero': 'a89ee2f2e73f91e7f17c7de7ef8747302a5689dc24f4de580907c4551a4b35d1',
  'rtn 4 bits, float zero': '9c6fc594afe854c78362bc9b0dc326958973f4b6074c9f90a63eac58c1ed3e57',
  'rtn 3 bits, integer zero': 'c36cfa965f7d7248a04d3a08da636355be769febe451eca6ce4508115fbe4919',
  'rtn 8 bits, symmetric, channel': '23191f814619c785d443460cf786546dd3e1d17994e9339fe3458a1d0af6ec3c',
  'rtn 5 bits, tensor, float32': '10ffef5cd58e4eafe0c8bb847fec9e0b8cbb8a796c17032e2f7ce88a327676ea',
  'rtn 4 bits along another axis, bfloat16':
    '84e93c5d8d6c68ac8d62c3d7a3c5de77df6edf9b686f7765d65a4d2446ab16be',
  nf4: '803cac501b2b4609fe678c189f5ff92a0f0c4a75dcc39cc7f4ff707b3c98de30',
  'nf4 plain, 48': '8ab014ba6a39ba41d1b90c73a7fa504628088f4b9973ecbb2f437baf692d5125',
  'float8 e4m3fn': '338607fa0bf3694668ebb85485d2dc8803e4e9957c6e5b5612cde47b8dc3717e',
  'float8 e5m2, tensor': '2d532a771d58c0dc658b8e1c17db136b2f70077709c8fafddb27a10d23565e13',
  'gptq 3 bits, integer zero': '80326c22f713aef982d2353c41e34137da908c557abff900a7fa6a8e6925c324',
  'gptq 2 bits, float zero': '2a98969bda2716b5294482096feeb2aad6ab01b926d97f93ad5a40b53a4723d5',
  'gptq 3 bits, act order': '08d682724347e29575a5d4c3527c89652ce539aa84c6c78b512cc144785d828b',
  'gptq 4 bits, symmetric, channel': '99fd22b19efb919fa3169d4afe98e95b7f103861d4103717682b9c7bc7e11236',
  'quantEase after rtn': 'de58c91ea51b8dafffd9bda7cd179dc6ebaddacf4edbd9648bb8250216eee44e',
  'quantEase after gptq, no refit': 'b90a305b8da3c9110883a30209b275f6ff01e2f770457c5be8f4ef1b29a9d817',
}

it.each(Object.keys(rows))('%s', async name => {
  expect(await fingerprint(await rows[name]!())).toBe(pinned[name])
})
