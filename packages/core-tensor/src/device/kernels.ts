import type { DecodeOptions, Encoded, LinearOptions } from '../encoded/encoded.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Where a kernel puts its result: into `out` (which it returns), added to it with `accumulate`. */
export interface Out {
  out?: Tensor | undefined
  accumulate?: boolean | undefined
}

/**
 * How a dot product is summed. `sequential`: over k in order, in float32 (float64 where the result
 * is), multiply then add, never fused, so the bytes are the same on every host device and for any
 * number of rows. `free`, the default: in any order, at least as exact.
 */
export interface Order {
  order?: 'free' | 'sequential' | undefined
}

export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'max'
export type UnaryOp =
  | 'neg'
  | 'exp'
  | 'silu'
  | 'gelu'
  | 'geluTanh'
  | 'tanh'
  | 'sigmoid'
  | 'relu'
  | 'sqrt'
  | 'abs'
export type ReduceOp = 'sum' | 'max' | 'absMax' | 'sumSquares'
export type RopeLayout = 'half' | 'interleaved'

export interface MatmulOptions extends Out, Order {
  transposeA?: boolean | undefined
  transposeB?: boolean | undefined
}

export interface AttentionOptions extends Out, Order {
  /** Multiplies q·k before the softmax, usually 1/√headDim. */
  scale: number
  /** Query i of n sees the keys up to `length − n + i`. */
  causal?: boolean | undefined
  /** Query i of n, which sits at `length − n + i`, sees keys fewer than this many places away, on either side. */
  window?: number | undefined
  /** Scores scale · q·k go through softcap · tanh(score / softcap) before `logWeight` is added. */
  softcap?: number | undefined
  /** Keys in use, where the tensors have room for more. */
  length?: number | undefined
  /** (kvHeads, tokens) added to the scaled scores: a mask is −∞, n merged tokens are ln n. */
  logWeight?: Tensor | undefined
  /** (kvHeads, k) int32: the only keys that each head attends to. */
  keyIndex?: Tensor | undefined
  /** Keys arrive unrotated, and are rotated as they are read. */
  rope?: Pick<RopeOptions, 'positions' | 'frequencies' | 'layout' | 'scale'> | undefined
  /** Written on request: (heads, queries) the log-sum-exp of each row of scores, −∞ where it saw no key. */
  lse?: Tensor | undefined
  /** Added to on request: (heads, tokens) the attention that each key received. */
  mass?: Tensor | undefined
}

/** One part of an attention that was computed in pieces. */
export interface AttentionPart {
  /** Which query heads this part holds. */
  readonly heads: readonly number[]
  /** (heads, queries, headDim) */
  readonly o: Tensor
  /** (heads, queries) */
  readonly lse: Tensor
}

export interface RopeOptions extends Out {
  /** (tokens) int32 or float32 */
  positions: Tensor
  /** (headDim / 2) float64 or float32, radians per position */
  frequencies: Tensor
  /** Which elements form a pair: i and i + headDim/2 (`half`, Hugging Face) or 2i and 2i + 1 (`interleaved`, llama2.c). */
  layout: RopeLayout
  /** Multiplies what is turned, by way of its cosines and sines; 1 by default. */
  scale?: number | undefined
  /** Takes the rotation back, and the scale. */
  inverse?: boolean | undefined
}

export interface LayerNormOptions extends Out {
  /** Added to the variance. */
  epsilon: number
  /** (d) added last */
  bias?: Tensor | undefined
}

export interface QuantizeAffineOptions {
  /** 1 to 8 bits a code. */
  bits: number
  /** Elements along `axis` that share a scale; the last group may be short. */
  group: number
  axis: number
  /** Integers of the shape of `scale`; 0 without. */
  zero?: Tensor | undefined
  /** Floats of the shape of `scale`; 0 without. */
  offset?: Tensor | undefined
  out?: Tensor | undefined
}

/**
 * The core kernels: synchronous, with output shapes that depend on shapes and options only.
 * Each is documented with its reference implementation in `@tersor/core-tensor/reference`.
 */
export interface CoreKernels {
  cast(x: Tensor, type: DType, options?: { out?: Tensor | undefined }): Tensor
  copy(x: Tensor, options: { out: Tensor; at: readonly number[] }): Tensor
  transpose(x: Tensor, permutation: readonly number[], options?: { out?: Tensor | undefined }): Tensor
  binary(op: BinaryOp, a: Tensor, b: Tensor, options?: Out): Tensor
  unary(op: UnaryOp, x: Tensor, options?: Out): Tensor
  reduce(op: ReduceOp, x: Tensor, options: Out & Order & { axis: number }): Tensor
  matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor
  gram(x: Tensor, options?: Out & Order): Tensor
  linearDense(x: Tensor, w: Encoded, options?: LinearOptions): Tensor
  linearAffine(x: Tensor, w: Encoded, options?: LinearOptions): Tensor
  linearCodebook(x: Tensor, w: Encoded, options?: LinearOptions): Tensor
  linearSparse(x: Tensor, w: Encoded, options?: LinearOptions): Tensor
  quantizeAffine(x: Tensor, scale: Tensor, options: QuantizeAffineOptions): Tensor
  dequantize(w: Encoded, options?: DecodeOptions): Tensor
  nearest(
    x: Tensor,
    table: Tensor,
    options?: { out?: Tensor | undefined; weight?: Tensor | undefined },
  ): Tensor
  attention(q: Tensor, k: Tensor | Encoded, v: Tensor | Encoded, options: AttentionOptions): Tensor
  mergeAttention(parts: readonly AttentionPart[], options?: { out?: Tensor | undefined }): Tensor
  rmsNorm(x: Tensor, weight: Tensor, options: Out & { epsilon: number }): Tensor
  layerNorm(x: Tensor, weight: Tensor, options: LayerNormOptions): Tensor
  rope(x: Tensor, options: RopeOptions): Tensor
  softmax(x: Tensor, options?: Out): Tensor
  topK(x: Tensor, options: { k: number; sorted?: boolean | undefined }): { values: Tensor; indices: Tensor }
  gather(x: Tensor, index: Tensor, options: { axis: number; out?: Tensor | undefined }): Tensor
  scatterAdd(x: Tensor, index: Tensor, options: { out: Tensor; axis: number }): Tensor
  hadamard(x: Tensor, options?: Out & { signs?: Tensor | undefined; inverse?: boolean | undefined }): Tensor
  histogram(
    x: Tensor,
    options: { bins: number; range: readonly [low: number, high: number]; out?: Tensor | undefined },
  ): Tensor
}

/** How a stream of interleaved rANS coders is laid out; the format is documented with codec's `ransDecode`. */
export interface RansDecodeOptions {
  /** (symbols) uint8, written whole. */
  out: Tensor
  /** (256) uint16 frequencies of the symbols, 2^precision together. */
  frequencies: Tensor
  /** (chunks + 1) uint32: where each chunk begins in the stream, and where the last one ends. */
  offsets: Tensor
  /** Symbols in every chunk but the last. */
  chunk: number
  /** 1 to 12 */
  precision: number
  /** Coders that take turns within a chunk. */
  lanes: number
}

/** Entropy decoding and bit fields; documented with their references in `@tersor/codec`. */
export interface CodingKernels {
  ransDecode(stream: Tensor, options: RansDecodeOptions): Tensor
  unpackBits(packed: Tensor, options: { bits: number; columns: number; out?: Tensor | undefined }): Tensor
}

/** How heads lie side by side in the rows of q, k and v, and which rows may see each other. */
export interface SegmentAttentionOptions {
  heads: number
  /** Key heads, each shared by heads / kvHeads query heads. */
  kvHeads: number
  headDim: number
  /** Where each document begins, ascending from 0, then the number of rows. */
  borders: readonly number[]
  /** Multiplies q·k; 1/√headDim by default. */
  scale?: number | undefined
}

/** Cosines and sines of positions, of the type of what they rotate. */
export interface Rotations {
  /** (positions, pairs) */
  readonly cos: Tensor
  /** (positions, pairs) */
  readonly sin: Tensor
  readonly layout: RopeLayout
}

/** What a loss of rows says: the loss, and how it changes with each input. */
export interface Loss {
  readonly loss: number
  /** Of the shape of what the loss was taken of. */
  readonly gradient: Tensor
}

/** Which rows of a loss count how much. */
export interface RowWeights {
  /** (rows) how much each row counts; 1 by default, 0 leaves it out. */
  weights?: ArrayLike<number> | undefined
  /** What the weighted sum is divided by; the sum of the weights by default. Pass it when a batch comes in parts. */
  total?: number | undefined
}

/** Backward passes, and what training computes in one go; documented with their references in `@tersor/distill`. */
export interface TrainingKernels {
  segmentAttention(q: Tensor, k: Tensor, v: Tensor, options: SegmentAttentionOptions): Tensor
  attentionBackward(
    dO: Tensor,
    options: SegmentAttentionOptions & { q: Tensor; k: Tensor; v: Tensor; o: Tensor },
  ): { dq: Tensor; dk: Tensor; dv: Tensor }
  rotateHeads(x: Tensor, rotations: Rotations): Tensor
  rmsNormBackward(
    x: Tensor,
    weight: Tensor,
    dy: Tensor,
    options: { epsilon: number; weightGradient: Tensor; residual?: Tensor | undefined },
  ): Tensor
  swiglu(gate: Tensor, up: Tensor): Tensor
  swigluBackward(
    gate: Tensor,
    up: Tensor,
    da: Tensor,
  ): { gateGradient: Tensor; upGradient: Tensor; value: Tensor }
  crossEntropy(logits: Tensor, targets: ArrayLike<number>, options?: RowWeights): Loss
}

/** Every primitive that a device may accelerate. */
export interface Kernels extends CoreKernels, CodingKernels, TrainingKernels {}

/** What a device accelerates. A kernel that returns undefined leaves this call to the reference. */
export type DeviceKernels = {
  readonly [N in keyof Kernels]?: (...args: Parameters<Kernels[N]>) => ReturnType<Kernels[N]> | undefined
}
