import type { Tensor } from '../tensor/tensor.ts'

type Optional = Tensor | undefined

/**
 * What a compiled host device (WebAssembly, native code) implements, and the one place where it is
 * specified: plain functions over memory, without shapes, dtypes, errors or allocation. Those are
 * the business of `acceleratedKernels`, which all compiled devices share.
 *
 * A row says what a primitive takes: the tensors that it writes, those that it reads, and numbers. It
 * is called with all of these in this order, tensors as their addresses (null where one is absent),
 * and then with which share of the work to do: `part` and `parts`. Any `parts` calls, at the same time
 * or one after the other, in any order, do all of it; shares do not depend on each other. Outputs never
 * overlap inputs, unless a row says so. All sizes may be 0. Float32, row-major and contiguous unless a
 * row says otherwise; addresses are aligned to the element's size only.
 */
export interface PrimitiveSignatures {
  // Products

  /**
   * c (m, n) = op(a)·op(b), for each of `batch` matrices that lie `stride` elements apart (0 shares one).
   * Flags: 1 a is stored (k, m), 2 b is stored (n, k), 4 adds to c, 8 sums over k in order, multiply then
   * add, unfused.
   */
  gemm: [
    outputs: [c: Tensor],
    inputs: [a: Tensor, b: Tensor],
    scalars: [
      batch: number,
      m: number,
      n: number,
      k: number,
      strideA: number,
      strideB: number,
      strideC: number,
      flags: number,
    ],
  ]

  /** y (m, n) = x (m, k)·wᵀ with w (n, k) of {@link floatCodes}; adds to y where `accumulate` is 1. */
  linearDense: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, w: Tensor],
    scalars: [m: number, n: number, k: number, type: number, accumulate: number],
  ]

  /**
   * The same with two values in each four columns of w: values (n, k/2) float32 or float16, index (n, k/8)
   * bytes of four 2-bit positions, lowest bits first.
   */
  linearTwoOfFour: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, values: Tensor, index: Tensor],
    scalars: [m: number, n: number, k: number, valueType: number, accumulate: number],
  ]

  // Elementwise

  /**
   * Between {@link floatCodes}, rounding to nearest, ties to even, float8e4m3fn saturating; exact as core's
   * `cast`. y may be x where both are of one size.
   */
  convert: [outputs: [y: Tensor], inputs: [x: Tensor], scalars: [size: number, from: number, to: number]]

  /**
   * y = op(x), op an index of {@link unaryOps}. y may be x. neg, sqrt, abs and relu are exact, the others to
   * 2e-6 relative or 1e-37 absolute; −∞ gives what the reference says, such as −0 for silu and both gelus.
   */
  unary: [outputs: [y: Tensor], inputs: [x: Tensor], scalars: [op: number, size: number]]

  /**
   * y (outer, inner), element (o, i) from a[o·aOuter + i·aInner] and b likewise, Inner 0 or 1; op an index
   * of {@link binaryOps}; y may be a or b. Exact; `max` is Math.max (NaN wins, 0 above −0).
   */
  binary: [
    outputs: [y: Tensor],
    inputs: [a: Tensor, b: Tensor],
    scalars: [
      op: number,
      outer: number,
      inner: number,
      aOuter: number,
      aInner: number,
      bOuter: number,
      bInner: number,
    ],
  ]

  // Rows

  /** As its reference; y may be x. */
  softmax: [outputs: [y: Tensor], inputs: [x: Tensor], scalars: [rows: number, columns: number]]

  /** As its reference; y may be x. */
  rmsNorm: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, weight: Tensor],
    scalars: [rows: number, columns: number, epsilon: number],
  ]

  /** As its reference; y may be x, and bias be absent. */
  layerNorm: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, weight: Tensor, bias: Optional],
    scalars: [rows: number, columns: number, epsilon: number],
  ]

  /**
   * Rotary embedding. Row r of x (rows, headDim) is at token ⌊r / repeat⌋ mod tokens; its elements p·near
   * and p·near + far turn by the angle whose cosine and sine are at [token·pairs + p]; the rest passes
   * unchanged. y may be x.
   */
  rotate: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, cos: Tensor, sin: Tensor],
    scalars: [
      rows: number,
      tokens: number,
      headDim: number,
      pairs: number,
      near: number,
      far: number,
      repeat: number,
    ],
  ]

  /**
   * y (outer, inner) over the middle of x (outer, length, inner), op an index of {@link reduceOps}; max and
   * absMax exact (NaN wins; max of nothing is −∞, absMax 0).
   */
  reduce: [
    outputs: [y: Tensor],
    inputs: [x: Tensor],
    scalars: [op: number, outer: number, length: number, inner: number],
  ]

  /** values (rows, k) from the largest down, indices int32; of equals the first; NaN below everything. */
  topK: [
    outputs: [values: Tensor, indices: Tensor],
    inputs: [x: Tensor],
    scalars: [rows: number, columns: number, k: number],
  ]

  /** As its reference, exact; signs absent or (columns). y may be x. */
  hadamard: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, signs: Optional],
    scalars: [rows: number, columns: number, inverse: number],
  ]

  // Movement

  /** x (outer, a, b, inner) to y (outer, b, a, inner). */
  transpose: [
    outputs: [y: Tensor],
    inputs: [x: Tensor],
    scalars: [outer: number, a: number, b: number, inner: number],
  ]

  // Attention

  /**
   * As core's `attention`. q, o (heads, queries, headDim); k, v (kvHeads, capacity, headDim) of
   * {@link cacheTypes}: floats, or codes of 8 bits, or of 4 bits two to a byte, low nibble first. Codes have
   * numbers (kvHeads, capacity, ⌈headDim / group⌉) of `scaleType` (float32 or float16); kShift and vShift as
   * {@link shiftKinds} says. lse and logWeight (kvHeads, capacity) may be absent. A window of 0 is none, and
   * so is a softcap of 0; keys that no query sees are not read. Few queries must stream k and v once.
   */
  attention: [
    outputs: [o: Tensor, lse: Optional],
    inputs: [
      q: Tensor,
      k: Tensor,
      v: Tensor,
      kScale: Optional,
      vScale: Optional,
      kShift: Optional,
      vShift: Optional,
      logWeight: Optional,
    ],
    scalars: [
      heads: number,
      kvHeads: number,
      queries: number,
      headDim: number,
      length: number,
      capacity: number,
      type: number,
      group: number,
      scaleType: number,
      shiftKind: number,
      constant: number,
      scale: number,
      causal: number,
      window: number,
      softcap: number,
    ],
  ]

  // Packed

  /**
   * Affine or codebook codes as in `packRow`, with ⌈columns / group⌉ numbers a row, into the device's own
   * order; `packedBytes` says how long the stream is.
   */
  pack: [
    outputs: [stream: Tensor],
    inputs: [codes: Tensor, scale: Tensor, shift: Optional],
    scalars: [
      rows: number,
      columns: number,
      bits: number,
      group: number,
      scaleType: number,
      shiftKind: number,
    ],
  ]

  /** Rows start to end of what `pack` was given, byte for byte. */
  unpack: [
    outputs: [codes: Tensor, scale: Tensor, shift: Optional],
    inputs: [stream: Tensor],
    scalars: [
      rows: number,
      columns: number,
      bits: number,
      group: number,
      scaleType: number,
      shiftKind: number,
      start: number,
      end: number,
    ],
  ]

  /**
   * y (m, n) = x (m, k)·wᵀ. `table` is absent for affine, else 2^bits floats that codes index. `constant`, a
   * whole number below 256, is the zero of all groups with shift kind 3. Precision 0 keeps at least 14 bits
   * of activations relative to the largest of a group of k (or float32), and as many of the levels of a
   * table relative to the largest; 1 may round activations to 8.
   */
  linearPacked: [
    outputs: [y: Tensor],
    inputs: [x: Tensor, stream: Tensor, table: Optional],
    scalars: [
      m: number,
      n: number,
      k: number,
      bits: number,
      group: number,
      scaleType: number,
      shiftKind: number,
      constant: number,
      precision: number,
      accumulate: number,
    ],
  ]

  // Coding

  /** Rows of codes of 1 to 16 bits as in `packRow` to integers of 1 or 2 bytes. */
  unpackBits: [
    outputs: [out: Tensor],
    inputs: [packed: Tensor],
    scalars: [rows: number, columns: number, bits: number, bytes: number],
  ]

  /** As codec's `ransDecode`; status (1) int32 becomes 1 where the stream is corrupt. */
  ransDecode: [
    outputs: [symbols: Tensor, status: Tensor],
    inputs: [stream: Tensor, frequencies: Tensor, offsets: Tensor],
    scalars: [
      chunks: number,
      chunkSymbols: number,
      size: number,
      precision: number,
      lanes: number,
      streamBytes: number,
    ],
  ]

  // Training

  /**
   * Causal attention within documents. q, o (rows, heads · headDim), k, v (rows, kvHeads · headDim), borders
   * (segments + 1) int32, of which none is more than `longest` after the one before.
   */
  segmentAttention: [
    outputs: [o: Tensor],
    inputs: [q: Tensor, k: Tensor, v: Tensor, borders: Tensor],
    scalars: [
      rows: number,
      heads: number,
      kvHeads: number,
      headDim: number,
      segments: number,
      longest: number,
      scale: number,
    ],
  ]

  /** Its gradients. */
  attentionBackward: [
    outputs: [dq: Tensor, dk: Tensor, dv: Tensor],
    inputs: [q: Tensor, k: Tensor, v: Tensor, o: Tensor, dO: Tensor, borders: Tensor],
    scalars: [
      rows: number,
      heads: number,
      kvHeads: number,
      headDim: number,
      segments: number,
      longest: number,
      scale: number,
    ],
  ]

  /**
   * dx, with `residual` (may be absent) added; sums (⌈rows / height⌉, columns) the weight's gradient over
   * each `height` rows.
   */
  rmsNormBackward: [
    outputs: [dx: Tensor, sums: Tensor],
    inputs: [x: Tensor, weight: Tensor, dy: Tensor, residual: Optional],
    scalars: [rows: number, columns: number, epsilon: number, height: number],
  ]

  /** a = silu(gate)·up. */
  swiglu: [outputs: [a: Tensor], inputs: [gate: Tensor, up: Tensor], scalars: [size: number]]

  /** The gradients of gate and up from that of a, da, and a itself. */
  swigluBackward: [
    outputs: [dGate: Tensor, dUp: Tensor, a: Tensor],
    inputs: [gate: Tensor, up: Tensor, da: Tensor],
    scalars: [size: number],
  ]

  /** Of each row of weight the loss, and weight · (softmax − one at its target, int32); 0 of the others. */
  crossEntropy: [
    outputs: [losses: Tensor, slopes: Tensor],
    inputs: [logits: Tensor, targets: Tensor, weights: Tensor],
    scalars: [rows: number, columns: number],
  ]
}

export type PrimitiveName = keyof PrimitiveSignatures

/** The primitives of a device, by name. */
export interface Primitives {
  run<N extends PrimitiveName>(name: N, ...given: PrimitiveSignatures[N]): void
  /** Which of them there are. */
  has(name: PrimitiveName): boolean
  /** How long the stream of `pack` is; 0 where the layout is not offered. */
  packedBytes(
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scaleType: number,
    shiftKind: number,
  ): number
}

export const unaryOps = [
  'neg',
  'exp',
  'silu',
  'geluTanh',
  'sqrt',
  'abs',
  'gelu',
  'tanh',
  'sigmoid',
  'relu',
] as const
export const binaryOps = ['add', 'sub', 'mul', 'div', 'max'] as const
export const reduceOps = ['sum', 'max', 'absMax', 'sumSquares'] as const

/** How primitives name the float types; scales are of the first two. */
export const floatCodes = { float32: 0, float16: 1, bfloat16: 2, float8e4m3fn: 3, float8e5m2: 4 } as const

/** What keys and values of attention may be. */
export const cacheTypes = { float32: 0, float16: 1, codes8: 2, codes4: 3 } as const

/**
 * What stands beside the scale of a group: nothing, an integer zero of 8 bits ((code − zero) · scale),
 * an offset of the scale's type (code · scale + offset), or one zero for all groups.
 */
export const shiftKinds = { none: 0, zero: 1, offset: 2, constantZero: 3 } as const
