export { architectureRows } from './architecture-rows.ts'
export {
  type ArchitectureRow,
  describeArchitecture,
  describeArchitectureOn,
} from './describe-architecture.ts'
export { describeEncoderOn, type EncoderBounds, encoderFolders } from './describe-encoder.ts'
export { distance, Golden, type GoldenKind, goldenRoot, hasGoldens } from './golden.ts'
export { type EncoderExpectation, encoderExpectation } from './golden-encoder.ts'
export { randomModel, smallConfig, smallJson, smallMixture, storedWeights } from './random-model.ts'
export { type ServedModel, servedModels } from './served-models.ts'
