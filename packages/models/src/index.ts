// The runtime
export { Decoder } from './decoder/decoder.ts'
export type {
  Activation,
  Branch,
  DecoderConfig,
  Experts,
  FeedForward,
  LayerConfig,
  LowRank,
  Operation,
  PerLayer,
} from './decoder/config.ts'
export {
  EMBEDDING,
  FINAL_NORM,
  HEAD,
  calibratedWeights,
  inLayer,
  isRouter,
  isTable,
  weightShapes,
} from './decoder/roles.ts'
export { type ExpertRoutes, type RouteOptions, routeTokens } from './decoder/route-tokens.ts'
export { residentWeight } from './decoder/resident-weight.ts'
export { ropeFrequencies } from './decoder/rope.ts'

// Encoders
export { isEncoder } from './encoder/check-encoder.ts'
export { type EmbedTextsOptions, embedTexts } from './encoder/embed-texts.ts'
export { type EncodeOptions, Encoder } from './encoder/encoder.ts'
export type { Pooling, PoolingKind } from './encoder/pooling.ts'

// Families
export { configFromHuggingFace, configText } from './architectures/read-config.ts'

// Caches
export { BatchedCache } from './caches/batched-cache.ts'
export { cacheBytes } from './caches/cache-bytes.ts'
export { DenseCache, type DenseCacheOptions } from './caches/dense-cache.ts'

// Files
export { checkModel } from './files/check-model.ts'
export { chooseWeights } from './files/pick-weights.ts'
export { loadEncoder } from './files/load-encoder.ts'
export { type LoadModelOptions, loadModel } from './files/load-model.ts'
export type { LoadRows } from './files/model-roles.ts'
export type { ModelFile, OpenModelOptions } from './files/model-file.ts'
export { openModel } from './files/open-model.ts'
export { storedName } from './files/stored-name.ts'
export { type Edit, rewriteModel } from './files/rewrite-model.ts'

// Variants
export { type OutlierOptions, withOutliers } from './variants/with-outliers.ts'
export { type RescaleOptions, withRescaledChannels } from './variants/with-rescaled-channels.ts'

// Tokenizers
export { type EncodeChatOptions, encodeChat } from './tokenizers/chat/encode-chat.ts'
export { type ChatMessage, type RenderChatOptions, renderChat } from './tokenizers/chat/render-chat.ts'
export { type GgufMetadata, ggufTokenizer } from './tokenizers/gguf-tokenizer.ts'
export type { CompanionFiles } from './tokenizers/hugging-face/companion-files.ts'
export { huggingFaceTokenizer } from './tokenizers/hugging-face-tokenizer.ts'
export { llama2cTokenizer } from './tokenizers/llama2c-tokenizer.ts'
export { openTokenizer } from './tokenizers/open-tokenizer.ts'
export {
  sentencePieceTokenizer,
  type SentencePieceVocabulary,
} from './tokenizers/sentence-piece-tokenizer.ts'
