// Gradients
export {
  type LlamaGradientsOptions,
  llamaGradients,
  type Objective,
} from './llama-gradients.ts'
export { type TrainingRows, trainingRows, type TrainingWindow } from './training-window.ts'
export { linearBackward } from './linear-backward.ts'
export { rmsNormBackward } from './rms-norm-backward.ts'
export { inverseRotations, rotateHeads, rotationsOf } from './rotate-heads.ts'
export { segmentAttention } from './segment-attention.ts'
export { attentionBackward } from './attention-backward.ts'
export { swiglu } from './swiglu.ts'
export { swigluBackward } from './swiglu-backward.ts'
export { type ExpertRouting, type ExpertTensors, expertsForward } from './experts-forward.ts'
export { expertsBackward, type ExpertsBackwardOptions } from './experts-backward.ts'
export { embeddingBackward } from './embedding-backward.ts'
export { crossEntropy } from './cross-entropy.ts'
export { llamaStates } from './llama-states.ts'

// Optimisers
export { adamW, type AdamWOptions } from './adam-w.ts'
export { muon, type MuonOptions } from './muon.ts'
export { newtonSchulz } from './newton-schulz.ts'
export { clipGradients } from './clip-gradients.ts'
export { cosine, type Schedule, type ScheduleOptions, trapezoidal } from './schedules.ts'

// Losses
export { forwardKl, type TemperatureOptions } from './forward-kl.ts'
export { reverseKl } from './reverse-kl.ts'
export { hiddenMatching, type HiddenMatchingOptions } from './hidden-matching.ts'
export { attentionMatching } from './attention-matching.ts'
export { loadBalancing } from './load-balancing.ts'
export { distillFrom, type DistillFromOptions } from './distill-from.ts'

// Training
export { initialWeights } from './initial-weights.ts'
export { train, type TrainOptions, type TrainProgress } from './train.ts'
export { encodeCheckpoint, restoreCheckpoint, type TrainingState } from './checkpoint.ts'
export { trainingFlops } from './training-flops.ts'
