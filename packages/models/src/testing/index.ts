export { randomLlama, smallConfig, smallMixture } from './random-llama.ts'
