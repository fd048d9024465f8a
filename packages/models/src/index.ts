// The runtime
export { Llama } from './llama.ts'
export {
  checkLlamaConfig,
  configFromHuggingFace,
  configToHuggingFace,
  type LlamaConfig,
} from './llama-config.ts'
export {
  blockWeightNames,
  EMBEDDING,
  expertWeightNames,
  FINAL_NORM,
  feedForwardNames,
  HEAD,
  isRouter,
  weightShapes,
} from './weight-names.ts'
export { type ExpertRoutes, routeTokens } from './route-tokens.ts'
export { BatchedCache } from './batched-cache.ts'
export { DenseCache, type DenseCacheOptions, ropeFrequencies } from './dense-cache.ts'

// Weights on devices
export { residentWeight } from './resident-weight.ts'

// Files
export { checkModel } from './check-model.ts'
export { type LoadModelOptions, loadModel } from './load-model.ts'
export { type ModelFile, type OpenModelOptions, openModel } from './open-model.ts'
export { openTokenizer } from './tokenizers/open-tokenizer.ts'

// Variants
export { type OutlierOptions, withOutliers } from './with-outliers.ts'

// Tokenizers
export { type EncodeChatOptions, encodeChat } from './tokenizers/chat/encode-chat.ts'
export { type ChatMessage, type RenderChatOptions, renderChat } from './tokenizers/chat/render-chat.ts'
export { type GgufMetadata, ggufTokenizer } from './tokenizers/gguf-tokenizer.ts'
export type { CompanionFiles } from './tokenizers/hugging-face/companion-files.ts'
export { huggingFaceTokenizer } from './tokenizers/hugging-face-tokenizer.ts'
export { llama2cTokenizer } from './tokenizers/llama2c-tokenizer.ts'
export {
  sentencePieceTokenizer,
  type SentencePieceVocabulary,
} from './tokenizers/sentence-piece-tokenizer.ts'
