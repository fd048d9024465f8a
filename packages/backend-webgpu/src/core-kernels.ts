import type { CoreKernels } from '@tersor/core-tensor'
import { binary } from './kernels/binary.ts'
import { cast } from './kernels/cast.ts'
import { copy } from './kernels/copy.ts'
import { gather } from './kernels/gather.ts'
import { gram } from './kernels/gram.ts'
import { matmul } from './kernels/matmul.ts'
import { reduce } from './kernels/reduce.ts'
import { rmsNorm } from './kernels/rms-norm.ts'
import { scatterAdd } from './kernels/scatter-add.ts'
import { softmax } from './kernels/softmax.ts'
import { transpose } from './kernels/transpose.ts'
import { unary } from './kernels/unary.ts'

/** Every core kernel on the graphics card. */
export const coreKernels: Partial<CoreKernels> = Object.freeze({
  cast,
  copy,
  transpose,
  binary,
  unary,
  reduce,
  matmul,
  gram,
  rmsNorm,
  softmax,
  gather,
  scatterAdd,
})
