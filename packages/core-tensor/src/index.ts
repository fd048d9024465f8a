// Tensors

export { packedRowBytes, packRow, unpackRow } from './bits.ts'
// Models and caches (types)
export type { KVCache, KVSegment, KVStage } from './cache.ts'
export type { CausalLM, ForwardOptions, LayeredLM, LMConfig, Taps, Tokenizer } from './causal-lm.ts'
export { type NumberArray, numbersOf, toFloat32, toFloat64, writeNumbers } from './convert.ts'
// Devices and kernels
export type { Device, Memory } from './device.ts'
export { aroundAxis, matrixDims, sameDims, sizeOf } from './dims.ts'
export { bytesOf, checkDType, type DType, dtypeBits, type HostArray, hostArrayOf, isFloat } from './dtype.ts'
// The algebra of encodings
export {
  byteLength,
  canonicalJson,
  check,
  type DecodeOptions,
  decode,
  type Encoded,
  type Encoding,
  encoded,
  isEncoded,
  type Json,
  type LinearOptions,
  linear,
  MAX_DEPTH,
} from './encoded.ts'
export { affine, affineEncoding } from './encodings/affine.ts'
export { codebook, codebookEncoding } from './encodings/codebook.ts'
export { concat, concatEncoding } from './encodings/concat.ts'
export { coreKinds } from './encodings/core-kinds.ts'
export { dense, denseEncoding } from './encodings/dense.ts'
export { type GroupIndex, groupDims, groupIndex } from './encodings/groups.ts'
export { hadamard, hadamardEncoding } from './encodings/hadamard.ts'
export { permuted, permutedEncoding } from './encodings/permuted.ts'
export { product, productEncoding } from './encodings/product.ts'
export { scaled, scaledEncoding } from './encodings/scaled.ts'
export { type SparsePattern, sparse, sparseEncoding } from './encodings/sparse.ts'
export { sum, sumEncoding } from './encodings/sum.ts'
// Errors
export {
  DeviceError,
  DTypeError,
  FormatError,
  NumericalError,
  ShapeError,
  TersorError,
  type TersorErrorCode,
  UnsupportedError,
} from './errors.ts'
export type { JobOptions } from './job.ts'
export {
  type AttentionOptions,
  type AttentionPart,
  type BinaryOp,
  type CoreKernels,
  type Kernels,
  kernel,
  type MatmulOptions,
  type Order,
  type Out,
  type QuantizeAffineOptions,
  type ReduceOp,
  type RopeLayout,
  type RopeOptions,
  type UnaryOp,
} from './kernels.ts'
export { linearTiled } from './linear-tiled.ts'
export {
  decodeNarrow,
  encodeNarrow,
  type NarrowFloat,
  narrowFloats,
  roundTiesToEven,
} from './narrow-float.ts'
export { fromOrt, toOrt } from './ort.ts'
// Reproducible arithmetic
export { reference } from './reference-device.ts'
export { Rng } from './rng.ts'
export { asTensor, requireHost, Tensor, type TensorLike } from './tensor.ts'
export { tensorsOf } from './tensors-of.ts'
