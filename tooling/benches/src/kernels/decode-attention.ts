import { affine, type Device, type Encoded, Tensor } from '@tersor/core-tensor'
import { attention, cast } from '@tersor/core-tensor/reference'
import type { KernelBench, Peer } from '../kernel-bench.ts'
import type { OnnxGraph, OnnxNode } from '../onnx-model.ts'
import { type Feed, type OnnxRuntimeName, onnxWork } from '../onnx-runtime.ts'
import { normalNumbers } from '../random.ts'
import type { Work } from '../work.ts'

const HEADS = 32
const HEAD_DIM = 128
const KEYS = 8192
const GROUP = 32
const SCALE = HEAD_DIM ** -0.5
const CACHE = [HEADS, KEYS, HEAD_DIM]
const VALUES = HEADS * KEYS * HEAD_DIM

/** One query over a cache that is in no cache of the processor: in float32, in 8 and in 4 bits. */
export function decodeAttention(outOfCache: number): KernelBench[] {
  const q = normalNumbers(HEADS * HEAD_DIM, 6000)
  const k = normalNumbers(VALUES, 6001)
  const v = normalNumbers(VALUES, 6002)
  const bench = (name: string, bytes: number, caches: (device: Device) => Cache) => ({
    name,
    bytes,
    limit: 'read' as const,
    ours: (device: Device) =>
      work(
        device,
        q,
        Array.from({ length: Math.ceil(outOfCache / bytes) }, () => caches(device)),
      ),
  })
  const compressed = (bits: number, tolerance: number): KernelBench => {
    // Codes, and a scale and an offset of 2 bytes each a group.
    const bytes = (2 * VALUES * bits) / 8 + (2 * VALUES * 4) / GROUP
    let codes: Codes[] | undefined
    return {
      ...bench(`decode-attention-${bits}bit`, bytes, device => {
        codes ??= [k, v].map(part => encode(part, bits))
        const [keys, values] = codes.map(part => upload(device, part, bits))
        return { k: keys!, v: values! }
      }),
      tolerance,
      float32: 'decode-attention-f32',
      peers: [],
      peersOf: 'decode-attention-f32',
    }
  }
  const float32 = bench('decode-attention-f32', 8 * VALUES, device => ({
    k: device.upload({ type: 'float32', dims: CACHE, data: k }),
    v: device.upload({ type: 'float32', dims: CACHE, data: v }),
  }))
  return [{ ...float32, tolerance: 1e-4, peers: peers(q, k, v) }, compressed(8, 0.03), compressed(4, 0.3)]
}

interface Cache {
  readonly k: Tensor | Encoded
  readonly v: Tensor | Encoded
}

function work(device: Device, query: Float32Array, caches: readonly Cache[]): Work {
  const dims = [HEADS, 1, HEAD_DIM]
  const q = device.upload({ type: 'float32', dims, data: query })
  const out = device.empty('float32', dims)
  const run = () => {
    for (const { k, v } of caches) attention(q, k, v, { scale: SCALE, out })
  }
  const result = () => {
    run()
    return Float32Array.from(out.data as Float32Array)
  }
  return { calls: caches.length, run, result }
}

/** Codes as `affine` takes them: value = code · scale + offset, from the least to the largest of a group. */
interface Codes {
  readonly codes: Uint8Array
  /** float16 bits */
  readonly scale: Uint16Array
  readonly offset: Uint16Array
}

function encode(values: Float32Array, bits: number): Codes {
  const groups = values.length / GROUP
  const steps = 2 ** bits - 1
  const [scale, offset] = [new Float32Array(groups), new Float32Array(groups)]
  for (let g = 0; g < groups; g++) {
    let [least, most] = [Infinity, -Infinity]
    for (let i = g * GROUP; i < (g + 1) * GROUP; i++) {
      const value = values[i]!
      if (value < least) least = value
      if (value > most) most = value
    }
    scale[g] = (most - least) / steps
    offset[g] = least
  }
  const codes = new Uint8Array((values.length * bits) / 8)
  for (let i = 0; i < values.length; i++) {
    const g = Math.floor(i / GROUP)
    const code = Math.max(0, Math.min(steps, Math.round((values[i]! - offset[g]!) / scale[g]!)))
    if (bits === 8) codes[i] = code
    else codes[i >> 1]! |= code << (4 * (i & 1))
  }
  const half = (numbers: Float32Array) =>
    cast(new Tensor('float32', numbers, [groups]), 'float16').data as Uint16Array
  return { codes, scale: half(scale), offset: half(offset) }
}

function upload(device: Device, { codes, scale, offset }: Codes, bits: number): Encoded {
  const groups = [HEADS, KEYS, HEAD_DIM / GROUP]
  return affine(
    {
      codes: device.upload({ type: 'uint8', dims: [HEADS, KEYS, (HEAD_DIM * bits) / 8], data: codes }),
      scale: device.upload({ type: 'float16', dims: groups, data: scale }),
      offset: device.upload({ type: 'float16', dims: groups, data: offset }),
    },
    { dims: CACHE, bits, group: GROUP, axis: 2 },
  )
}

type Floats = Float32Array<ArrayBuffer>

/**
 * The web runtime is fed its cache, which grows with each step; the native one holds it as a constant,
 * the best that it can do, and in GroupQueryAttention is fed it, as its users do.
 */
function peers(q: Floats, k: Floats, v: Floats): Peer[] {
  const plain = (runtime: OnnxRuntimeName, transposed: boolean, fed: boolean) => (threads: number) => {
    const { graph, feeds } = plainGraph(q, transposed ? transposedKeys(k) : k, v, transposed, fed)
    return onnxWork(runtime, threads, graph, feeds)
  }
  return [
    ...[true, false].flatMap((transposed): Peer[] => [
      { name: 'onnxruntimeWeb', threads: 'one', open: plain('onnxruntimeWeb', transposed, true) },
      { name: 'onnxruntimeNode', threads: 'any', open: plain('onnxruntimeNode', transposed, false) },
    ]),
    { name: 'onnxruntimeNodeGqa', threads: 'any', open: threads => groupQueryAttention(threads, q, k, v) },
  ]
}

/** softmax(scale · q·kᵀ)·v of ONNX's own operators, or with the one that transposes as it multiplies. */
function plainGraph(
  q: Floats,
  k: Floats,
  v: Floats,
  transposed: boolean,
  fed: boolean,
): { graph: OnnxGraph; feeds: Record<string, Feed> } {
  const query = { type: 'float32', dims: [HEADS, 1, HEAD_DIM], data: q } as const
  const keys = { type: 'float32', dims: transposed ? [HEADS, HEAD_DIM, KEYS] : CACHE, data: k } as const
  const values = { type: 'float32', dims: CACHE, data: v } as const
  const scores: OnnxNode = transposed
    ? { op: 'MatMul', inputs: ['scaled', 'k'], outputs: ['scores'] }
    : {
        ...{ op: 'FusedMatMul', domain: 'com.microsoft', inputs: ['scaled', 'k'], outputs: ['scores'] },
        attributes: { transB: 1n },
      }
  const cache = { k: keys, v: values }
  const graph: OnnxGraph = {
    inputs: { q: query, ...(fed ? cache : {}) },
    outputs: { o: { type: 'float32', dims: query.dims } },
    constants: {
      scale: { type: 'float32', dims: [1], data: Float32Array.of(SCALE) },
      ...(fed ? {} : cache),
    },
    nodes: [
      { op: 'Mul', inputs: ['q', 'scale'], outputs: ['scaled'] },
      scores,
      { op: 'Softmax', inputs: ['scores'], outputs: ['weights'], attributes: { axis: -1n } },
      { op: 'MatMul', inputs: ['weights', 'v'], outputs: ['o'] },
    ],
  }
  return { graph, feeds: { q: query, ...(fed ? cache : {}) } }
}

function transposedKeys(k: Floats): Floats {
  const result = new Float32Array(k.length)
  for (let h = 0; h < HEADS; h++) {
    const base = h * KEYS * HEAD_DIM
    for (let t = 0; t < KEYS; t++) {
      for (let d = 0; d < HEAD_DIM; d++) result[base + d * KEYS + t] = k[base + t * HEAD_DIM + d]!
    }
  }
  return result
}

/** The last key is the new one; the operator appends it to a copy of the others. */
function groupQueryAttention(threads: number, q: Floats, k: Floats, v: Floats): Promise<Work> {
  const hidden = [1, 1, HEADS * HEAD_DIM]
  const past = [1, HEADS, KEYS - 1, HEAD_DIM]
  const present = { type: 'float32', dims: [1, HEADS, KEYS, HEAD_DIM] } as const
  const perHead = (from: Floats, start: number, end: number): Floats => {
    const size = (end - start) * HEAD_DIM
    const result = new Float32Array(HEADS * size)
    for (let h = 0; h < HEADS; h++) {
      const base = h * KEYS * HEAD_DIM
      result.set(from.subarray(base + start * HEAD_DIM, base + end * HEAD_DIM), h * size)
    }
    return result
  }
  const feeds: Record<string, Feed> = {
    q: { type: 'float32', dims: hidden, data: q },
    k: { type: 'float32', dims: hidden, data: perHead(k, KEYS - 1, KEYS) },
    v: { type: 'float32', dims: hidden, data: perHead(v, KEYS - 1, KEYS) },
    pastKeys: { type: 'float32', dims: past, data: perHead(k, 0, KEYS - 1) },
    pastValues: { type: 'float32', dims: past, data: perHead(v, 0, KEYS - 1) },
    last: { type: 'int32', dims: [1, 1], data: Int32Array.of(KEYS - 1) },
    total: { type: 'int32', dims: [1], data: Int32Array.of(KEYS) },
  }
  const graph: OnnxGraph = {
    inputs: feeds,
    outputs: { o: { type: 'float32', dims: hidden }, keys: present, values: present },
    nodes: [
      {
        ...{ op: 'GroupQueryAttention', domain: 'com.microsoft' },
        inputs: ['q', 'k', 'v', 'pastKeys', 'pastValues', 'last', 'total'],
        outputs: ['o', 'keys', 'values'],
        attributes: { num_heads: BigInt(HEADS), kv_num_heads: BigInt(HEADS) },
      },
    ],
  }
  return onnxWork('onnxruntimeNode', threads, graph, feeds, { outputs: ['o'] })
}
