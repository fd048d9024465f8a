import { ransDecode, ransEncode, unpackBits } from '@tersor/codec'
import { type Device, decode, linear, packedRowBytes, Rng, Tensor, transfer } from '@tersor/core-tensor'
import {
  attention,
  binary,
  cast,
  copy,
  gather,
  gram,
  hadamard,
  histogram,
  layerNorm,
  matmul,
  mergeAttention,
  nearest,
  quantizeAffine,
  reduce,
  rmsNorm,
  rope,
  scatterAdd,
  softmax,
  topK,
  transpose,
  unary,
} from '@tersor/core-tensor/reference'
import { nf4, rtn } from '@tersor/quantize'

/** One kernel on inputs of a useful size. */
export interface KernelRun {
  readonly kernel: string
  readonly what: string
  /** Only on host devices: entropy coding and bit fields. */
  readonly hostOnly?: boolean | undefined
  /** Puts the inputs on a device; what comes back runs the kernel once. */
  prepare(device: Device): Promise<() => Tensor>
}

const rng = new Rng(1)
const normals = (...dims: number[]) =>
  new Tensor(
    'float32',
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    dims,
  )
const integers = (below: number, ...dims: number[]) =>
  new Tensor(
    'int32',
    Int32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.integer(below)),
    dims,
  )

/** The usual case: tensors in, one tensor out. */
const on =
  (inputs: readonly Tensor[], run: (...inputs: Tensor[]) => Tensor): KernelRun['prepare'] =>
  async device => {
    const there = inputs.map(input => device.upload(input))
    return () => run(...there)
  }

const [vector, wide, tall] = [normals(512), normals(128, 512), normals(512, 128)]
const [q, k, v] = [normals(8, 16, 64), normals(8, 256, 64), normals(8, 256, 64)]
const weight = normals(512, 512)
const targets = integers(64, 128)
const scale = 1 / 8

const product = (
  what: string,
  rows: number,
  encode: (weight: Tensor) => ReturnType<typeof nf4>,
): KernelRun => ({
  kernel: what.startsWith('nf4') ? 'linearCodebook' : 'linearAffine',
  what,
  async prepare(device) {
    const packed = device.pack(await transfer(encode(weight), device))
    const x = device.upload(wide.rows(0, rows))
    return () => linear(x, packed)
  },
})

const symbols = new Tensor(
  'uint8',
  Uint8Array.from({ length: 65536 }, () => Math.max(0, Math.min(255, Math.round(128 + 12 * rng.normal())))),
  [65536],
)
const coded = ransEncode(symbols)
const packedBits = new Tensor(
  'uint8',
  Uint8Array.from({ length: 256 * packedRowBytes(512, 5) }, () => rng.integer(256)),
  [256, packedRowBytes(512, 5)],
)

/** Every kernel that inference needs, in the order of the table in core-tensor. */
export const kernelRuns: readonly KernelRun[] = [
  { kernel: 'cast', what: 'float32 to float16', prepare: on([wide], x => cast(x, 'float16')) },
  {
    kernel: 'copy',
    what: 'into a larger tensor',
    async prepare(device) {
      const x = device.upload(wide)
      return () => copy(x, { out: device.empty('float32', [256, 512]), at: [64, 0] })
    },
  },
  { kernel: 'transpose', what: '128 × 512', prepare: on([wide], x => transpose(x, [1, 0])) },
  {
    kernel: 'binary',
    what: 'add, with broadcast',
    prepare: on([wide, vector], (a, b) => binary('add', a, b)),
  },
  { kernel: 'unary', what: 'silu', prepare: on([wide], x => unary('silu', x)) },
  { kernel: 'unary', what: 'gelu', prepare: on([wide], x => unary('gelu', x)) },
  { kernel: 'unary', what: 'geluTanh', prepare: on([wide], x => unary('geluTanh', x)) },
  { kernel: 'unary', what: 'tanh', prepare: on([wide], x => unary('tanh', x)) },
  { kernel: 'reduce', what: 'sums of rows', prepare: on([wide], x => reduce('sum', x, { axis: 1 })) },
  { kernel: 'matmul', what: '128 × 512 × 128', prepare: on([wide, tall], (a, b) => matmul(a, b)) },
  { kernel: 'gram', what: '128 × 512', prepare: on([wide], x => gram(x)) },
  { kernel: 'linearDense', what: 'float32, 128 rows', prepare: on([wide, weight], (x, w) => linear(x, w)) },
  product('8 bits, 1 row', 1, w => rtn(w, { bits: 8 })),
  product('4 bits, 1 row', 1, w => rtn(w, { bits: 4 })),
  product('4 bits, 128 rows', 128, w => rtn(w, { bits: 4 })),
  product('3 bits, 1 row', 1, w => rtn(w, { bits: 3 })),
  product('nf4, 128 rows', 128, nf4),
  {
    kernel: 'quantizeAffine',
    what: '4 bits, groups of 32',
    prepare: on([wide, new Tensor('float32', new Float32Array(128 * 16).fill(0.4), [128, 16])], (x, scale) =>
      quantizeAffine(x, scale, { bits: 4, group: 32, axis: 1 }),
    ),
  },
  {
    kernel: 'dequantize',
    what: '4 bits',
    async prepare(device) {
      const small = await transfer(rtn(weight, { bits: 4 }), device)
      return () => decode(small)
    },
  },
  {
    kernel: 'nearest',
    what: '16 levels',
    prepare: on(
      [
        wide,
        new Tensor(
          'float32',
          Float32Array.from({ length: 16 }, (_, i) => i / 4 - 2),
          [16, 1],
        ),
      ],
      (x, table) => nearest(x.reshape([wide.size, 1]), table),
    ),
  },
  {
    kernel: 'attention',
    what: '8 heads, 16 queries, 256 keys',
    prepare: on([q, k, v], (q, k, v) => attention(q, k, v, { scale, causal: true })),
  },
  {
    kernel: 'attention',
    what: '8 heads, 16 queries, 256 keys, capped in a window of 64',
    prepare: on([q, k, v], (q, k, v) => attention(q, k, v, { scale, causal: true, window: 64, softcap: 50 })),
  },
  {
    kernel: 'mergeAttention',
    what: 'two halves of the keys',
    prepare: on([q, k, v, normals(8, 16), normals(8, 16)], (q, _k, _v, a, b) => {
      const heads = [0, 1, 2, 3, 4, 5, 6, 7]
      return mergeAttention([
        { heads, o: q, lse: a },
        { heads, o: q, lse: b },
      ])
    }),
  },
  {
    kernel: 'rmsNorm',
    what: '128 × 512',
    prepare: on([wide, vector], (x, w) => rmsNorm(x, w, { epsilon: 1e-5 })),
  },
  {
    kernel: 'layerNorm',
    what: '128 × 512',
    prepare: on([wide, vector], (x, w) => layerNorm(x, w, { epsilon: 1e-5, bias: w })),
  },
  {
    kernel: 'rope',
    what: '16 positions',
    prepare: on(
      [
        q,
        new Tensor(
          'int32',
          Int32Array.from({ length: 16 }, (_, i) => 3 * i),
          [16],
        ),
        new Tensor(
          'float32',
          Float32Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32)),
          [32],
        ),
      ],
      (x, positions, frequencies) => rope(x, { positions, frequencies, layout: 'half' }),
    ),
  },
  { kernel: 'softmax', what: '128 × 512', prepare: on([wide], x => softmax(x)) },
  { kernel: 'topK', what: '8 of 512', prepare: on([wide], x => topK(x, { k: 8 }).values) },
  {
    kernel: 'gather',
    what: '64 rows',
    prepare: on([wide, integers(128, 64)], (x, index) => gather(x, index, { axis: 0 })),
  },
  {
    kernel: 'scatterAdd',
    what: '128 rows',
    prepare: async device => {
      const [x, index] = [device.upload(wide), device.upload(targets)]
      return () => scatterAdd(x, index, { out: device.empty('float32', [64, 512]), axis: 0 })
    },
  },
  { kernel: 'hadamard', what: '128 × 512', prepare: on([wide], x => hadamard(x)) },
  {
    kernel: 'histogram',
    what: '64 bins',
    prepare: on([wide], x => histogram(x, { bins: 64, range: [-4, 4] })),
  },
  {
    kernel: 'ransDecode',
    what: '65,536 symbols',
    hostOnly: true,
    async prepare(device) {
      const { stream, frequencies, offsets, ...layout } = coded
      const [there, f, o] = [stream, frequencies, offsets].map(part => device.upload(part))
      return () =>
        ransDecode(there!, { ...layout, frequencies: f!, offsets: o!, out: device.empty('uint8', [65536]) })
    },
  },
  {
    kernel: 'unpackBits',
    what: '5 bits',
    hostOnly: true,
    prepare: on([packedBits], x => unpackBits(x, { bits: 5, columns: 512 })),
  },
]
