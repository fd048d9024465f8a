// The kernels of the training group, one family a file.

export { attentionBackward } from './attention-backward'
export { crossEntropy } from './cross-entropy'
export { rmsNormBackward } from './rms-norm-backward'
export { segmentAttention } from './segment-attention'
export { swiglu, swigluBackward } from './swiglu'
