export { architectureRows } from './architecture-rows.ts'
export {
  type ArchitectureRow,
  describeArchitecture,
  describeArchitectureOn,
} from './describe-architecture.ts'
export { distance, Golden, type GoldenKind, goldenRoot, hasGoldens } from './golden.ts'
export { randomModel, smallConfig, smallJson, smallMixture, storedWeights } from './random-model.ts'
