export { randomModel, smallConfig, smallJson, smallMixture } from './random-model.ts'
