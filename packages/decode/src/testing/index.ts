export { chiSquareProblem } from './chi-square.ts'
export { describeSampler, type SamplerCase } from './describe-sampler.ts'
