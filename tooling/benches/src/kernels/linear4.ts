import { affine, type Device, type Encoded, linear, Tensor } from '@tersor/core-tensor'
import { cast } from '@tersor/core-tensor/reference'
import type { KernelBench, Peer } from '../kernel-bench.ts'
import type { OnnxConstant, OnnxNode } from '../onnx-model.ts'
import { type OnnxRuntimeName, onnxWork } from '../onnx-runtime.ts'
import { normalNumbers, randomBytes } from '../random.ts'
import type { Work } from '../work.ts'

/** Inputs and outputs of the weights, K = N. */
const SIZE = 4096
const GROUP = 32
const BITS = 4
const ZERO = 8
/** Codes and float16 scales; the zero is the same for all. */
const BYTES = (SIZE * SIZE * BITS) / 8 + (2 * SIZE * SIZE) / GROUP

/** A weight in 4 bits, in arrays that we and ONNX Runtime read alike. */
interface Weight {
  /** (N, K / 2), low nibble first */
  readonly codes: Uint8Array<ArrayBuffer>
  /** (N, K / group) float32 that float16 holds */
  readonly scale: Float32Array<ArrayBuffer>
}

/** A product with each of enough weights that none is in a cache when it is used again, one after the other. */
export function linear4OneRow(outOfCache: number): KernelBench[] {
  const count = Math.ceil(outOfCache / BYTES)
  return alsoRounded(linear4('linear4-1', 1, count, { float32: 'linear-f32-1', limit: 'read' }))
}

export function linear4Cached(): KernelBench {
  return linear4('linear4-1-cached', 1, 1, {})
}

export function linear4ManyRows(): KernelBench[] {
  return alsoRounded(linear4('linear4-128', 128, 1, { limit: 'multiplyAdd' }))
}

/** A bench, and the same with activations rounded to 8 bits. */
function alsoRounded(exact: KernelBench): KernelBench[] {
  return [
    exact,
    { ...exact, name: `${exact.name}-int8`, activations: 'int8', peers: [], peersOf: exact.name },
  ]
}

function linear4(
  name: string,
  rows: number,
  count: number,
  more: Pick<KernelBench, 'float32' | 'limit'>,
): KernelBench {
  const weights = Array.from({ length: count }, (_, i) => randomWeight(i))
  const input = normalNumbers(rows * SIZE, 1000)
  return {
    name,
    ...(rows === 1 ? { bytes: BYTES } : { operations: 2 * rows * SIZE * SIZE }),
    // Activations of 8 bits err by about half a percent a product.
    tolerance: 0.01 * Math.sqrt(count),
    ...more,
    ours: device =>
      chain(
        device,
        rows,
        input,
        weights.map(weight => packed(device, weight)),
      ),
    peers: peers(rows, input, weights),
  }
}

function randomWeight(seed: number): Weight {
  // Codes 1 to 15, twice as many 8 as others: of mean 8, or outputs would grow from product to product.
  const codes = randomBytes((SIZE * SIZE) / 2, seed).map(byte => balanced[byte]!)
  // Outputs have the variance of the inputs: codes − 8 have 17.5.
  const unit = 1 / Math.sqrt(17.5 * SIZE)
  const spread = randomBytes((SIZE * SIZE) / GROUP, seed + 500)
  const scale = Float32Array.from(spread, byte => unit * (0.8 + (0.4 * byte) / 255))
  const rounded = cast(cast(new Tensor('float32', scale, [scale.length]), 'float16'), 'float32')
  return { codes, scale: Float32Array.from(rounded.data as Float32Array) }
}

/** Bytes of two codes, with 8 in place of 0. */
const balanced = Uint8Array.from({ length: 256 }, (_, byte) => (byte >> 4 || ZERO) * 16 + (byte & 15 || ZERO))

function weightOn(device: Device, { codes, scale }: Weight): Encoded {
  const groups = [SIZE, SIZE / GROUP]
  const upload = (type: string, data: ArrayBufferView, dims: number[]) => device.upload({ type, data, dims })
  return affine(
    {
      codes: upload('uint8', codes, [SIZE, (SIZE * BITS) / 8]),
      scale: device.scope(() => cast(upload('float32', scale, groups), 'float16')),
      zero: upload('uint8', new Uint8Array(SIZE * groups[1]!).fill(ZERO), groups),
    },
    { dims: [SIZE, SIZE], bits: BITS, group: GROUP, axis: 1 },
  )
}

function packed(device: Device, weight: Weight): Encoded {
  return device.scope(() => device.pack(weightOn(device, weight)))
}

/** Each product reads what the one before wrote, as in a model. */
export function chain(
  device: Device,
  rows: number,
  input: Float32Array,
  weights: readonly (Tensor | Encoded)[],
): Work {
  const x = device.upload({ type: 'float32', dims: [rows, SIZE], data: input })
  const buffers = [0, 1].map(() => device.empty('float32', [rows, SIZE]))
  const run = () => weights.reduce((y: Tensor, weight, i) => linear(y, weight, { out: buffers[i % 2]! }), x)
  return {
    calls: weights.length,
    run,
    result: () => Float32Array.from(run().data as Float32Array),
  }
}

/** MatMulNBits, at both levels of accuracy: 4 rounds activations to 8 bits, 0 keeps float32. */
function peers(rows: number, input: Float32Array, weights: readonly Weight[]): Peer[] {
  const open = (name: OnnxRuntimeName, accuracy: bigint) => (threads: number) => {
    const constants: Record<string, OnnxConstant> = {}
    const nodes = weights.map(({ codes, scale }, i): OnnxNode => {
      constants[`codes${i}`] = { type: 'uint8', dims: [SIZE, SIZE / GROUP, GROUP / 2], data: codes }
      constants[`scale${i}`] = { type: 'float32', dims: [SIZE * (SIZE / GROUP)], data: scale }
      return {
        op: 'MatMulNBits',
        domain: 'com.microsoft',
        inputs: [`y${i}`, `codes${i}`, `scale${i}`],
        outputs: [`y${i + 1}`],
        attributes: {
          K: BigInt(SIZE),
          N: BigInt(SIZE),
          bits: BigInt(BITS),
          block_size: BigInt(GROUP),
          accuracy_level: accuracy,
        },
      }
    })
    const value = { type: 'float32', dims: [rows, SIZE] } as const
    const graph = { inputs: { y0: value }, outputs: { [`y${weights.length}`]: value }, constants, nodes }
    return onnxWork(name, threads, graph, { y0: { ...value, data: input } }, { calls: weights.length })
  }
  // With many rows level 4 is what its users run, and what ours is compared with.
  const levels = rows === 1 ? [4n, 0n] : [4n]
  return levels.flatMap((level): Peer[] => [
    { name: 'onnxruntimeWeb', threads: 'one', open: open('onnxruntimeWeb', level) },
    { name: 'onnxruntimeNode', threads: 'any', open: open('onnxruntimeNode', level) },
  ])
}
