export { draw, generate, type GenerateOptions } from './generate.ts'
