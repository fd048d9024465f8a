import type { CoreKernels } from '@tersor/core-tensor'
import { attention } from './kernels/attention.ts'
import { binary } from './kernels/binary.ts'
import { cast } from './kernels/cast.ts'
import { copy } from './kernels/copy.ts'
import { dequantize } from './kernels/dequantize.ts'
import { gather } from './kernels/gather.ts'
import { gram } from './kernels/gram.ts'
import { hadamard } from './kernels/hadamard.ts'
import { histogram } from './kernels/histogram.ts'
import { layerNorm } from './kernels/layer-norm.ts'
import { linearDense } from './kernels/linear-dense.ts'
import { linearSparse } from './kernels/linear-sparse.ts'
import { matmul } from './kernels/matmul.ts'
import { mergeAttention } from './kernels/merge-attention.ts'
import { nearest } from './kernels/nearest.ts'
import { quantizeAffine } from './kernels/quantize-affine.ts'
import { reduce } from './kernels/reduce.ts'
import { rmsNorm } from './kernels/rms-norm.ts'
import { rope } from './kernels/rope.ts'
import { scatterAdd } from './kernels/scatter-add.ts'
import { softmax } from './kernels/softmax.ts'
import { topK } from './kernels/top-k.ts'
import { transpose } from './kernels/transpose.ts'
import { unary } from './kernels/unary.ts'
import { linearStored } from './linear-stored.ts'

/** Every core kernel on the graphics card. */
export const coreKernels: CoreKernels = Object.freeze({
  cast,
  copy,
  transpose,
  binary,
  unary,
  reduce,
  matmul,
  gram,
  linearDense,
  linearAffine: linearStored,
  linearCodebook: linearStored,
  linearSparse,
  quantizeAffine,
  dequantize,
  nearest,
  attention,
  mergeAttention,
  rmsNorm,
  layerNorm,
  rope,
  softmax,
  topK,
  gather,
  scatterAdd,
  hadamard,
  histogram,
})
