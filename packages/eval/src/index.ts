// Models on text
export {
  type Divergence,
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  type LogitSource,
  logitsOf,
  recordLogits,
} from './evaluate.ts'
export { documentWindows } from './document-windows.ts'
export { type EvaluationWindow, evaluationWindows, type WindowOptions } from './evaluation-windows.ts'
export { perplexity } from './perplexity.ts'
export { bitsPerByte } from './bits-per-byte.ts'
export { type Mean, meanOf } from './mean.ts'

// Embeddings
export { ndcg } from './ndcg.ts'
export { spearman } from './spearman.ts'

// Weights
export { WeightError } from './weight-error.ts'
export { weightSnr } from './weight-snr.ts'
export { sizeReport, type SizeReport, type TensorSize } from './size-report.ts'

// Devices
export { type Agreement, agreement } from './agreement.ts'
export { type LayerAgreement, type Verification, verify, type VerifyOptions } from './verify.ts'
