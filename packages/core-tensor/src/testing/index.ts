export { allcloseProblem, type Comparable, installMatchers, type Tolerance } from './allclose.ts'
export { coreCases } from './core-cases.ts'
export { describeDevice, type KernelCase } from './describe-device.ts'
export { describeEncoding, type EncodingSample } from './describe-encoding.ts'
export {
  describeWeightMethod,
  type MethodWithOptions,
  type WeightMethodRow,
  type WeightMethodSuite,
} from './describe-weight-method.ts'
export { fingerprint } from './fingerprint.ts'
export { gramOf, layerInputs, normals, outputError } from './layer-fixtures.ts'
export { primitiveKernels } from './primitive-kernels.ts'
