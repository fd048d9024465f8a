export { BpeEncoder } from './bpe-encoder.ts'
export { type Document, encodeSample, lossWeights } from './encode-sample.ts'
export { instruction } from './instructions.ts'
export { keyValue } from './key-value.ts'
export { Corpus, type CorpusOptions, type Family, families, tokenizerTexts } from './mixture.ts'
export { type PackOptions, packDocuments, type Window } from './pack-documents.ts'
export {
  crowdShares,
  holderShares,
  lastShares,
  mostlyStories,
  type Shares,
  shares,
  storyShares,
  taskShares,
} from './shares.ts'
export { type TokenizerFiles, type TokenizerOptions, trainTokenizer } from './train-tokenizer.ts'
