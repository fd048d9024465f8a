// For authors of host devices
export { HostDevice } from './host-device.ts'
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
