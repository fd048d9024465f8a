// Where bytes come from
export { openSource, type RandomAccess, type Source, type SourceOptions } from './random-access.ts'
export type { CacheWriter, FileCache } from './cache/file-cache.ts'
export { folderCache, type FolderCacheOptions } from './cache/folder-cache.ts'
export type { RetryOptions } from './http/retry-options.ts'
export { ConnectionError } from './http/connection-error.ts'
export { HttpStatusError } from './http/http-status-error.ts'
export { readWhole } from './http/read-whole.ts'
export { urlBeside } from './http/url-beside.ts'
export { webUrl } from './http/web-url.ts'
export { hubPlace, type HubPlace } from './hub/hub-place.ts'
export { hubUrl } from './hub/hub-url.ts'
export { type HubFile, listHubFiles } from './hub/list-hub-files.ts'
export type { ReadOptions, TensorInfo, WeightFile } from './weight-file.ts'

// safetensors
export {
  openSafetensors,
  type SafetensorsFile,
  type SafetensorsInfo,
} from './safetensors/open-safetensors.ts'
export {
  openSafetensorsIndex,
  type OpenSafetensorsIndexOptions,
} from './safetensors/open-safetensors-index.ts'
export { encodeSafetensors, type EncodeSafetensorsOptions } from './safetensors/encode-safetensors.ts'
export { safetensorsPieces } from './safetensors/safetensors-pieces.ts'
export { type SafetensorsLayout, safetensorsLayout } from './safetensors/safetensors-layout.ts'
export type { EncodedOutline, TensorOutline } from './safetensors/contents.ts'
export { weightPieces } from './safetensors/weight-pieces.ts'
export { createSafetensorsWriter, type SafetensorsWriter } from './safetensors/create-safetensors-writer.ts'
export { mergeSafetensors, type MergeSafetensorsOptions } from './safetensors/merge-safetensors.ts'

// Encoded tensors in safetensors
export { loadEncoded, type LoadOptions } from './encoded/load-encoded.ts'
export { type LoadWeightOptions, loadWeight, readsRows } from './encoded/load-weight.ts'
export { encodedNames } from './encoded/encoded-names.ts'
export { weightNames } from './encoded/weight-names.ts'
export { type WeightInfo, weightInfo } from './encoded/weight-info.ts'

// Checkpoints that other programs quantized
export { type QuantizationConfig, quantizationConfig } from './layouts/quantization-config.ts'
export {
  type QuantizedWeight,
  type QuantizedWeights,
  type QuantizedWeightsOptions,
  quantizedWeights,
} from './layouts/quantized-weights.ts'

// GGUF
export { openGguf, type GgufFile, type OpenGgufOptions } from './gguf/open-gguf.ts'
export type { GgufInfo } from './gguf/open-part.ts'
export type { GgufValue } from './gguf/read-metadata.ts'

// llama2.c
export { openLlama2c, type Llama2cConfig, type Llama2cFile } from './llama2c/open-llama2c.ts'

// NumPy
export { readNpy } from './npy/read-npy.ts'
export { writeNpy } from './npy/write-npy.ts'
export { type NpzInfo, openNpz } from './npy/open-npz.ts'
export { readNpz, type ReadNpzOptions } from './npy/read-npz.ts'
export { writeNpz, type WriteNpzOptions } from './npy/write-npz.ts'
