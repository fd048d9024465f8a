// For authors of devices
export { isWhole, productOf, requireDims, stridesOf } from '../dims.ts'
export { fitsGroups } from '../encodings/groups.ts'
export { decoded, malformed, matrixRows, rowRange, tensorPart } from '../encodings/parts.ts'
export { place } from '../place.ts'
export { requireAttentionDims } from '../reference/attention-dims.ts'
export { hadamardBlock } from '../reference/hadamard.ts'
export { tensorsOf } from '../tensors-of.ts'

// For authors of host devices
export { HostDevice } from './host-device.ts'
// Where this runs
export { nodeModule } from './node-module.ts'
export type { Activations } from './packed-weight.ts'
export {
  binaryOps,
  cacheTypes,
  floatCodes,
  type PrimitiveName,
  type Primitives,
  reduceOps,
  shiftKinds,
  unaryOps,
} from './primitives.ts'
