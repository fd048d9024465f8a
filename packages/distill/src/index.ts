// Gradients
export {
  type LlamaGradientsOptions,
  llamaGradients,
  type Objective,
} from './llama-gradients.ts'
export { type TrainingRows, trainingRows, type TrainingWindow } from './training-window.ts'
export { linearBackward } from './linear-backward.ts'
export { rmsNormBackward } from './rms-norm-backward.ts'
export { rotateHeads, type Rotations, rotationsOf } from './rotate-heads.ts'
export { segmentAttention, type SegmentAttentionOptions } from './segment-attention.ts'
export { attentionBackward } from './attention-backward.ts'
export { swigluBackward } from './swiglu-backward.ts'
export { embeddingBackward } from './embedding-backward.ts'
export { crossEntropy, type CrossEntropyOptions, type Loss } from './cross-entropy.ts'
