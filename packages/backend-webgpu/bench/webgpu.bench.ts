/**
 * What a graphics card makes of the two kernels that decoding waits for, beside a plain copy in the same run:
 * `npx tsx --conditions=@tersor/source packages/backend-webgpu/bench/webgpu.bench.ts`, with `--keys 1024` for less.
 *
 * Bytes are those that the kernel has to read: codes and float16 scales of 4-bit weights of 4096 × 4096, a different
 * weight for each call; keys and values of 8 heads shared by 32, in float16 and in 4 bits. A copy moves each byte twice. Calls
 * are recorded in one submission and waited for together; medians. On software drivers only the start says something.
 */
import { parseArgs } from 'node:util'
import { createWebGpuDevice } from '@tersor/backend-webgpu'
import { affine, byteLength, type Encoded, linear, Rng, Tensor, transfer } from '@tersor/core-tensor'
import { attention, copy } from '@tersor/core-tensor/reference'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '4096' },
    keys: { type: 'string', default: '8192' },
    calls: { type: 'string', default: '16' },
    repeats: { type: 'string', default: '9' },
  },
})
const [size, keys, calls, repeats] = [values.size, values.keys, values.calls, values.repeats].map(Number) as [
  number,
  number,
  number,
  number,
]
const rng = new Rng(1)
const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]!

const starts: number[] = []
for (let i = 0; i < 5; i++) {
  const begin = performance.now()
  const made = await createWebGpuDevice()
  starts.push(performance.now() - begin)
  made.dispose()
}
const device = await createWebGpuDevice()
const { vendor, architecture, description } = device.info
console.log(`${vendor} ${architecture} ${description}`)
console.log(
  `start: first ${starts[0]!.toFixed(0)} ms, median of ${starts.length} ${median(starts).toFixed(0)} ms\n`,
)

/** Gigabytes a second over `calls` calls between two waits. */
async function rate(bytes: number, call: (i: number) => Tensor): Promise<number> {
  const seconds: number[] = []
  for (let repeat = -2; repeat < repeats; repeat++) {
    const begin = performance.now()
    let last: Tensor | undefined
    for (let i = 0; i < calls; i++) {
      last?.dispose()
      last = call(i)
    }
    await last!.reshape([last!.size]).rows(0, 1).read()
    last!.dispose()
    if (repeat >= 0) seconds.push((performance.now() - begin) / 1000)
  }
  return (bytes * calls) / median(seconds) / 1e9
}

function bytesAt(count: number): Uint8Array {
  const words = Uint32Array.from({ length: Math.ceil(count / 4) }, () => rng.integer(2 ** 32))
  return new Uint8Array(words.buffer, 0, count)
}

/** Codes of 4 bits in groups of 32 along the last axis, with float16 scales of about 0.02. */
function coded(dims: readonly number[]): Encoded {
  const elements = dims.reduce((a, b) => a * b, 1)
  const leading = dims.slice(0, -1)
  const groups = [...leading, dims.at(-1)! / 32]
  const scale = new Tensor('float16', new Uint16Array(elements / 32).fill(0x251f), groups)
  const zero = new Tensor('uint8', new Uint8Array(elements / 32).fill(8), groups)
  const codes = new Tensor('uint8', bytesAt(elements / 2), [...leading, dims.at(-1)! / 2])
  return affine({ codes, scale, zero }, { dims, bits: 4, group: 32, axis: dims.length - 1 })
}

const weights: Encoded[] = []
for (let i = 0; i < calls; i++) weights.push(device.pack(await transfer(coded([size, size]), device)))
const x = device.upload(
  new Tensor(
    'float32',
    Float32Array.from({ length: size }, () => rng.normal()),
    [1, size],
  ),
)

const [heads, kvHeads, headDim] = [32, 8, 128]
const q = device.upload(
  new Tensor(
    'float32',
    Float32Array.from({ length: heads * headDim }, () => rng.normal()),
    [heads, 1, headDim],
  ),
)
const halves = (): Tensor => {
  const bits = new Uint16Array(bytesAt(2 * kvHeads * keys * headDim).buffer).map(value => value & 0xbfff)
  return device.upload(new Tensor('float16', bits, [kvHeads, keys, headDim]))
}
const caches = {
  float16: [halves(), halves()],
  '4 bits': await Promise.all([0, 1].map(() => transfer(coded([kvHeads, keys, headDim]), device))),
} as const

const plain = device.upload(new Tensor('float32', new Float32Array(size * 4096), [size, 4096]))
const target = device.empty('float32', [size, 4096])
const limit = await rate(2 * plain.byteLength, () => {
  copy(plain, { out: target, at: [0, 0] })
  return device.empty('float32', [1])
})
const line = (name: string, gbps: number) =>
  console.log(
    `${name.padEnd(40)} ${gbps.toFixed(1).padStart(8)} GB/s ${((100 * gbps) / limit).toFixed(0).padStart(5)} %`,
  )
line('copy', limit)
line(
  `4-bit linear, 1 row, ${size} × ${size}`,
  await rate(byteLength(weights[0]!), i => linear(x, weights[i]!)),
)
for (const [name, [k, v]] of Object.entries(caches)) {
  const bytes = byteLength(k!) + byteLength(v!)
  const scale = headDim ** -0.5
  line(`attention, ${keys} keys in ${name}`, await rate(bytes, () => attention(q, k!, v!, { scale })))
}
device.dispose()
