import type { WeightMethod } from '@tersor/core-tensor'
import { float8Method } from './solvers/float8.ts'
import { gptqMethod } from './solvers/gptq.ts'
import { mxfp4Method } from './solvers/mxfp4.ts'
import { nf4Method } from './solvers/nf4.ts'
import { quantEaseMethod } from './solvers/quant-ease.ts'
import { rtnMethod } from './solvers/rtn.ts'
import { rotateMethod } from './transforms/rotate.ts'

export * from './solvers/float8.ts'
export * from './solvers/gptq.ts'
export * from './solvers/mxfp4.ts'
export * from './solvers/nf4.ts'
export * from './solvers/quant-ease.ts'
export * from './solvers/rtn.ts'
export * from './transforms/rotate.ts'

/** The methods of this package, for jobs: `createJob({ …, methods: quantizeMethods })`. */
export const quantizeMethods: readonly WeightMethod[] = /* @__PURE__ */ Object.freeze([
  rotateMethod,
  rtnMethod,
  nf4Method,
  mxfp4Method,
  float8Method,
  gptqMethod,
  quantEaseMethod,
])
