// The kernels of the core group, a folder a family.

export { gemm } from './products/gemm'
export { linearDense, linearTwoOfFour } from './products/linear-dense'

export { convert } from './elementwise/convert'
export { binary, unary } from './elementwise/unary-binary'

export { hadamard } from './rows/hadamard'
export { reduce } from './rows/reduce'
export { rotate } from './rows/rotate'
export { layerNorm } from './rows/layer-norm'
export { rmsNorm, softmax } from './rows/softmax-norm'
export { topK } from './rows/top-k'

export { transpose } from './movement/transpose'

export { attention } from './attention/attention'

export { linearPacked } from './packed/linear-packed'
export { pack, unpack } from './packed/pack'
