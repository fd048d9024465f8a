import type { Tensor } from '../tensor/tensor.ts'

/**
 * What a compiled host device (WebAssembly, native code) implements, and the one place where it is
 * specified: plain functions over memory, without shapes, dtypes, errors or allocation. Those are
 * the business of `acceleratedKernels`, which all compiled devices share.
 *
 * Each is called `name(…outputs, …inputs, …scalars, part, parts)`: the addresses of tensors (null
 * where one is absent), then numbers, then which share of the work to do. Any `parts` calls, at the
 * same time or one after the other, in any order, do all of it; shares do not depend on each other.
 * Outputs never overlap inputs, unless a line says so. All sizes may be 0. Float32, row-major and
 * contiguous unless a line says otherwise; addresses are aligned to the element's size only.
 */
export interface Primitives {
  /**
   * `gemm (c ; a, b ; batch, m, n, k, strideA, strideB, strideC, flags)`: c (m, n) = op(a)·op(b), for
   * each of `batch` matrices that lie `stride` elements apart (0 shares one). Flags: 1 a is stored
   * (k, m), 2 b is stored (n, k), 4 adds to c, 8 sums over k in order, multiply then add, unfused.
   *
   * `convert (y ; x ; size, from, to)`: between {@link floatCodes}, rounding to nearest, ties to even,
   * float8e4m3fn saturating; exact as core's `cast`. y may be x where both are of one size.
   *
   * `unary (y ; x ; op, size)`: y = op(x), op an index of {@link unaryOps}.
   * y may be x. neg, sqrt and abs are exact; exp, silu and gelu (tanh form) to 2e-6
   * relative or 1e-37 absolute; −∞ gives 0, −0 and −0, as the reference says.
   *
   * `binary (y ; a, b ; op, outer, inner, aOuter, aInner, bOuter, bInner)`: y (outer, inner),
   * element (o, i) from a[o·aOuter + i·aInner] and b likewise, Inner 0 or 1; op an index of
   * {@link binaryOps}; y may be a or b. Exact; `max` is Math.max (NaN wins, 0 above −0).
   *
   * `softmax (y ; x ; rows, columns)`, `rmsNorm (y ; x, weight ; rows, columns, epsilon)`:
   * as their references; y may be x.
   *
   * `rotate (y ; x, cos, sin ; rows, tokens, headDim, pairs, near, far, repeat)`: rotary embedding. Row r of x
   * (rows, headDim) is at token ⌊r / repeat⌋ mod tokens; its elements p·near and p·near + far turn by the angle
   * whose cosine and sine are at [token·pairs + p]; the rest passes unchanged. y may be x.
   *
   * `reduce (y ; x ; op, outer, length, inner)`: y (outer, inner) over the middle of x
   * (outer, length, inner), op an index of {@link reduceOps}; max and absMax exact (NaN wins; max of
   * nothing is −∞, absMax 0).
   *
   * `topK (values, indices ; x ; rows, columns, k)`: values (rows, k) from the largest down, indices
   * int32; of equals the first; NaN below everything.
   *
   * `transpose (y ; x ; outer, a, b, inner)`: x (outer, a, b, inner) to y (outer, b, a, inner).
   *
   * `hadamard (y ; x, signs ; rows, columns, inverse)`: as its reference, exact; signs null or (columns). y may be x.
   *
   * `attention (o, lse ; q, k, v, kScale, vScale, kShift, vShift, logWeight ; heads, kvHeads, queries,
   * headDim, length, capacity, type, group, scaleType, shiftKind, constant, scale, causal)`: as core's `attention`.
   * q, o (heads, queries, headDim); k, v (kvHeads, capacity, headDim) of {@link cacheTypes}: floats, or
   * codes of 8 bits, or of 4 bits two to a byte, low nibble first. Codes have numbers (kvHeads, capacity,
   * ⌈headDim / group⌉) of `scaleType` (float32 or float16); kShift and vShift as {@link shiftKinds} says.
   * lse and logWeight (kvHeads, capacity) may be null. Few queries must stream k and v once.
   *
   * `pack (stream ; codes, scale, shift ; rows, columns, bits, group, scaleType, shiftKind)`: affine or codebook codes
   * as in `packRow`, with ⌈columns / group⌉ numbers a row, into the device's own order; returns nothing.
   * `packedBytes(rows, columns, bits, group, scaleType, shiftKind)` says how long the stream is, 0 where the layout is
   * not offered. `unpack (codes, scale, shift ; stream ; rows, columns, bits, group, scaleType, shiftKind, start, end)`
   * gives rows start to end back, byte for byte.
   *
   * `linearPacked (y ; x, stream, table ; m, n, k, bits, group, scaleType, shiftKind, constant, precision, accumulate)`:
   * y (m, n) = x (m, k)·wᵀ. `table` null for affine, else 2^bits floats that codes index. `constant`,
   * a whole number below 256, is the zero of all groups with shift kind 3. Precision 0 keeps at least 14 bits of activations
   * relative to the largest of a group of k (or float32), and as many of the levels of a table relative to
   * the largest; 1 may round activations to 8.
   *
   * `linearDense (y ; x, w ; m, n, k, type, accumulate)`: y = x·wᵀ, w (n, k) of {@link floatCodes}.
   *
   * `linearTwoOfFour (y ; x, values, index ; m, n, k, valueType, accumulate)`: w has two values in each four columns:
   * values (n, k/2) float32 or float16, index (n, k/8) bytes of four 2-bit positions, lowest bits first.
   *
   * `unpackBits (out ; packed ; rows, columns, bits, bytes)`: rows of codes of 1 to 16 bits as in
   * `packRow` to integers of 1 or 2 bytes.
   *
   * `ransDecode (symbols, status ; stream, frequencies, offsets ; chunks, chunkSymbols, size, precision,
   * lanes, streamBytes)`: as codec's `ransDecode`; status (1) int32 becomes 1 where the stream is corrupt.
   *
   * `segmentAttention (o ; q, k, v, borders ; rows, heads, kvHeads, headDim, segments, longest, scale)`: causal
   * attention within documents. q, o (rows, heads · headDim), k, v (rows, kvHeads · headDim), borders (segments + 1)
   * int32, of which none is more than `longest` after the one before.
   *
   * `attentionBackward (dq, dk, dv ; q, k, v, o, dO, borders ; as above)`: its gradients.
   *
   * `rmsNormBackward (dx, sums ; x, weight, dy, residual ; rows, columns, epsilon, height)`: dx, with `residual`
   * (may be null) added; sums (⌈rows / height⌉, columns) the weight's gradient over each `height` rows.
   *
   * `swiglu (a ; gate, up ; size)`: silu(gate)·up. `swigluBackward (dGate, dUp, a ; gate, up, da ; size)`.
   *
   * `crossEntropy (losses, slopes ; logits, targets, weights ; rows, columns)`: of each row of weight the loss, and
   * weight · (softmax − one at its target, int32); 0 of the others.
   */
  run(
    name: PrimitiveName,
    outputs: readonly (Tensor | undefined)[],
    inputs: readonly (Tensor | undefined)[],
    scalars: readonly number[],
  ): void
  /** Which of them there are. */
  has(name: PrimitiveName): boolean
  packedBytes(
    rows: number,
    columns: number,
    bits: number,
    group: number,
    scaleType: number,
    shiftKind: number,
  ): number
}

export type PrimitiveName =
  | 'gemm'
  | 'convert'
  | 'unary'
  | 'binary'
  | 'softmax'
  | 'rmsNorm'
  | 'rotate'
  | 'reduce'
  | 'topK'
  | 'transpose'
  | 'hadamard'
  | 'attention'
  | 'pack'
  | 'unpack'
  | 'linearPacked'
  | 'linearDense'
  | 'linearTwoOfFour'
  | 'unpackBits'
  | 'ransDecode'
  | 'segmentAttention'
  | 'attentionBackward'
  | 'rmsNormBackward'
  | 'swiglu'
  | 'swigluBackward'
  | 'crossEntropy'

export const unaryOps = ['neg', 'exp', 'silu', 'gelu', 'sqrt', 'abs'] as const
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
