// Tensors
export { asTensor, reference, requireHost, Tensor, type TensorLike } from './tensor/tensor.ts'
export {
  bytesOf,
  checkDType,
  type DType,
  dtypeBits,
  type HostArray,
  hostArrayOf,
  isFloat,
} from './tensor/dtype.ts'
export { aroundAxis, matrixDims, sameDims, sizeOf } from './tensor/dims.ts'
export { type NumberArray, numbersOf, toFloat32, toFloat64, writeNumbers } from './tensor/convert.ts'
export {
  decodeNarrow,
  encodeNarrow,
  type NarrowFloat,
  narrowFloats,
  roundTiesToEven,
} from './tensor/narrow-float.ts'
export { packedRowBytes, packRow, unpackRow } from './tensor/bits.ts'
export { argmax } from './tensor/argmax.ts'
export { fromOrt, toOrt } from './tensor/ort.ts'

// Devices and kernels
export type { Device, Memory } from './device/device.ts'
export { kernel } from './device/kernel.ts'
export type {
  AttentionOptions,
  AttentionPart,
  BinaryOp,
  CodingKernels,
  CoreKernels,
  DeviceKernels,
  Kernels,
  Loss,
  MatmulOptions,
  Order,
  Out,
  QuantizeAffineOptions,
  RansDecodeOptions,
  ReduceOp,
  RopeLayout,
  RopeOptions,
  Rotations,
  RowWeights,
  SegmentAttentionOptions,
  TrainingKernels,
  UnaryOp,
} from './device/kernels.ts'

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
} from './encoded/encoded.ts'
export { linearTiled } from './encoded/linear-tiled.ts'
export type { RowSelection, SelectRows } from './encoded/row-selection.ts'
export { selectRows } from './encoded/select-rows.ts'
export { type RowLeaf, rowLeaves } from './encoded/row-leaves.ts'
export { transfer } from './encoded/transfer.ts'
export { withParts } from './encoded/with-parts.ts'
export { coreKinds } from './encoded/core-kinds.ts'
export { dense, denseEncoding } from './encoded/kinds/dense.ts'
export { affine, affineEncoding } from './encoded/kinds/affine.ts'
export { type GroupIndex, groupDims, groupIndex } from './encoded/groups.ts'
export { codebook, codebookEncoding } from './encoded/kinds/codebook.ts'
export { type SparsePattern, sparse, sparseEncoding } from './encoded/kinds/sparse.ts'
export { hadamard, hadamardEncoding } from './encoded/kinds/hadamard.ts'
export { sum, sumEncoding } from './encoded/kinds/sum.ts'
export { product, productEncoding } from './encoded/kinds/product.ts'
export { concat, concatEncoding } from './encoded/kinds/concat.ts'
export { scaled, scaledEncoding } from './encoded/kinds/scaled.ts'
export { permuted, permutedEncoding } from './encoded/kinds/permuted.ts'

// Models and caches (types)
export type { Attention, Convolution, DeltaNet, Mixer, Rope } from './model/mixer.ts'
export type { AttendOptions, KVCache, KVSegment, KVStage, MixerState } from './model/kv-cache.ts'
export type {
  BlockOptions,
  CacheOptions,
  CausalLM,
  ForwardOptions,
  LayeredLM,
  LayeredModel,
  LMConfig,
  Taps,
} from './model/causal-lm.ts'
export type { DetokenizeOptions, Tokenizer, TokenizerKind, TokenizeOptions } from './model/tokenizer.ts'

// Jobs
export { type JobOptions, type Pace, pace } from './job.ts'

// Methods
export {
  type Filled,
  type Option,
  type OptionTable,
  describeOption,
  nearestName,
  optionsOf,
} from './option-table.ts'
export type {
  LayerContext,
  Rowwise,
  Stage,
  StageContext,
  WeightMethod,
  WeightPlan,
  WeightShape,
} from './method.ts'

// Calibration (types; the statistics are in /statistics)
export type { StatisticName } from './statistics/statistic-name.ts'

// Reproducible randomness
export { Rng } from './rng.ts'

// Errors
export {
  DeviceError,
  DTypeError,
  FileError,
  FormatError,
  NumericalError,
  ShapeError,
  TersorError,
  type TersorErrorCode,
  UnsupportedError,
} from './errors.ts'
