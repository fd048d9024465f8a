import type { DecoderConfig } from '../decoder/config.ts'
import type { Names } from '../files/sources.ts'
import type { Fields } from './fields.ts'
import type { GgufTensors } from './shape.ts'

/** Whose names and conventions a file has. */
export type FileKind = 'huggingFace' | 'gguf'

/** A family of models: how its configuration is read, and where its weights lie in files. */
export interface Architecture {
  /** `gemma3` */
  readonly name: string
  /** `model_type` of its config.json. */
  readonly modelTypes: readonly string[]
  /** `general.architecture` of its GGUF files. */
  readonly ggufTypes: readonly string[]
  /** What may stand before the names of its tensors in config.json's files, the usual one first. */
  readonly prefixes: readonly string[]
  huggingFace(read: Fields): DecoderConfig
  gguf?(read: Fields, tensors: GgufTensors): DecoderConfig
  /** @param has  whether a file has a tensor, where one has it in several ways */
  names(config: DecoderConfig, file: FileKind, prefix: string, has: (tensor: string) => boolean): Names
}
