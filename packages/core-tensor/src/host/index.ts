// For authors of devices and of kinds of encodings

export { Scopes } from '../device/scope.ts'
export { requireEncoded } from '../encoded/encoded.ts'
export { fitsGroups } from '../encoded/groups.ts'
export { mapParts } from '../encoded/map-parts.ts'
export {
  decoded,
  malformed,
  matrixRows,
  metaInteger,
  part,
  rowRange,
  shapedPart,
  tensorPart,
} from '../encoded/parts.ts'
export { plainIntegers } from '../encoded/plain-integers.ts'
export { requireAttentionDims } from '../reference/attention-dims.ts'
export { hadamardBlock } from '../reference/hadamard.ts'
export { requireNumber, requireOneOf } from '../reference/required.ts'
export { ropeLayouts, ropeScale } from '../reference/rope.ts'
export { isWhole, productOf, requireDims, stridesOf } from '../tensor/dims.ts'
export { viewBytes } from '../tensor/dtype.ts'
export { requireTensorLike } from '../tensor/tensor-like.ts'
export { tensorsOf } from '../tensor/tensors-of.ts'

// For authors of host devices
export { HostDevice } from './host-device.ts'
export type { Activations } from './kernels/packed.ts'
// Where this runs
export { nodeModule } from './node-module.ts'
export {
  binaryOps,
  cacheTypes,
  floatCodes,
  type PrimitiveName,
  type PrimitiveSignatures,
  type Primitives,
  reduceOps,
  shiftKinds,
  unaryOps,
} from './primitives.ts'
