// Tensors
export { asTensor, requireHost, Tensor, type TensorLike } from './tensor.ts'
export { bytesOf, checkDType, type DType, dtypeBits, type HostArray, hostArrayOf, isFloat } from './dtype.ts'
export { aroundAxis, matrixDims, sameDims, sizeOf } from './dims.ts'
export { type NumberArray, numbersOf, toFloat32, toFloat64, writeNumbers } from './convert.ts'
export {
  decodeNarrow,
  encodeNarrow,
  type NarrowFloat,
  narrowFloats,
  roundTiesToEven,
} from './narrow-float.ts'
export { packedRowBytes, packRow, unpackRow } from './bits.ts'
export { fromOrt, toOrt } from './ort.ts'

// Devices and kernels
export type { Device, Memory } from './device.ts'
export { reference } from './reference-device.ts'
export {
  type AttentionOptions,
  type AttentionPart,
  type BinaryOp,
  type CodingKernels,
  type CoreKernels,
  type DeviceKernels,
  type Kernels,
  kernel,
  type Loss,
  type MatmulOptions,
  type Order,
  type Out,
  type QuantizeAffineOptions,
  type RansDecodeOptions,
  type ReduceOp,
  type RopeLayout,
  type RopeOptions,
  type Rotations,
  type RowWeights,
  type SegmentAttentionOptions,
  type TrainingKernels,
  type UnaryOp,
} from './kernels.ts'

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
export { linearTiled } from './linear-tiled.ts'
export { transfer } from './transfer.ts'
export { coreKinds } from './encodings/core-kinds.ts'
export { dense, denseEncoding } from './encodings/dense.ts'
export { affine, affineEncoding } from './encodings/affine.ts'
export { type GroupIndex, groupDims, groupIndex } from './encodings/groups.ts'
export { codebook, codebookEncoding } from './encodings/codebook.ts'
export { type SparsePattern, sparse, sparseEncoding } from './encodings/sparse.ts'
export { hadamard, hadamardEncoding } from './encodings/hadamard.ts'
export { sum, sumEncoding } from './encodings/sum.ts'
export { product, productEncoding } from './encodings/product.ts'
export { concat, concatEncoding } from './encodings/concat.ts'
export { scaled, scaledEncoding } from './encodings/scaled.ts'
export { permuted, permutedEncoding } from './encodings/permuted.ts'

// Models and caches (types)
export type { KVCache, KVSegment, KVStage } from './cache.ts'
export type { CausalLM, ForwardOptions, LayeredLM, LMConfig, Taps, Tokenizer } from './causal-lm.ts'
export type { JobOptions } from './job.ts'

// Reproducible randomness
export { Rng } from './rng.ts'

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
