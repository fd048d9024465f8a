// The kernels of the training group.

export { attentionBackward } from './training/attention-backward'
export { crossEntropy } from './training/cross-entropy'
export { rmsNormBackward } from './training/rms-norm-backward'
export { segmentAttention } from './training/segment-attention'
export { swiglu, swigluBackward } from './training/swiglu'
