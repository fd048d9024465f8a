// Where bytes come from

export { encodedNames } from './encoded/encoded-names.ts'
// Encoded tensors in safetensors
export { type LoadOptions, loadEncoded } from './encoded/load-encoded.ts'
export { loadWeight } from './encoded/load-weight.ts'
export { weightNames } from './encoded/weight-names.ts'
// GGUF
export { type GgufFile, type GgufInfo, openGguf } from './gguf/open-gguf.ts'
export type { GgufValue } from './gguf/read-metadata.ts'
// llama2.c
export { type Llama2cConfig, type Llama2cFile, openLlama2c } from './llama2c/open-llama2c.ts'
// NumPy
export { readNpy } from './npy/read-npy.ts'
export { type ReadNpzOptions, readNpz } from './npy/read-npz.ts'
export { writeNpy } from './npy/write-npy.ts'
export { type WriteNpzOptions, writeNpz } from './npy/write-npz.ts'
export { openSource, type RandomAccess, type Source, type SourceOptions } from './random-access.ts'
export { createSafetensorsWriter, type SafetensorsWriter } from './safetensors/create-safetensors-writer.ts'
export { type EncodeSafetensorsOptions, encodeSafetensors } from './safetensors/encode-safetensors.ts'
// safetensors
export {
  openSafetensors,
  type SafetensorsFile,
  type SafetensorsInfo,
} from './safetensors/open-safetensors.ts'
export {
  type OpenSafetensorsIndexOptions,
  openSafetensorsIndex,
} from './safetensors/open-safetensors-index.ts'
export type { TensorInfo, WeightFile } from './weight-file.ts'
