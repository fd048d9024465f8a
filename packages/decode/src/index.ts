// Text
export { generate, type GenerateOptions } from './generate.ts'
export { streamText, type StreamTextOptions } from './stream-text.ts'

// How a token is chosen
export type { Sampler } from './sampler.ts'
export { greedy } from './samplers/greedy.ts'
export { temperature } from './samplers/temperature.ts'
export { draw } from './draw.ts'
