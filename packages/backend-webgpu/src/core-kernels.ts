import type { CoreKernels } from '@tersor/core-tensor'
import { binary } from './kernels/binary.ts'
import { cast } from './kernels/cast.ts'
import { copy } from './kernels/copy.ts'
import { dequantize } from './kernels/dequantize.ts'
import { gather } from './kernels/gather.ts'
import { gram } from './kernels/gram.ts'
import { linearAffine } from './kernels/linear-affine.ts'
import { linearCodebook } from './kernels/linear-codebook.ts'
import { linearDense } from './kernels/linear-dense.ts'
import { linearSparse } from './kernels/linear-sparse.ts'
import { matmul } from './kernels/matmul.ts'
import { quantizeAffine } from './kernels/quantize-affine.ts'
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
  linearDense,
  linearAffine,
  linearCodebook,
  linearSparse,
  quantizeAffine,
  dequantize,
  rmsNorm,
  softmax,
  gather,
  scatterAdd,
})
