// Data-free methods
export { float8, type Float8Options } from './float8.ts'
export { nf4, NF4_VALUES, type Nf4Options } from './nf4.ts'
export { quantizeAffine, type QuantizeAffineOptions } from './quantize-affine.ts'

// Calibrated methods
export { gptq, type GptqOptions } from './gptq.ts'
export { quantEase, type QuantEaseOptions } from './quant-ease.ts'

// Shared options
export type { AffineRangeOptions } from './affine-range.ts'
