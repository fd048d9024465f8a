import { architectureRows } from './architecture-rows.ts'
import { encoderFolders } from './describe-encoder.ts'

/** A model that every command is tried on: a golden checkpoint, and what it has to be read as. */
export interface ServedModel {
  readonly folder: string
  /** What its safetensors are read as. */
  readonly architecture: string
  /** What its GGUF is read as; undefined where there is none. */
  readonly ggufArchitecture: string | undefined
  /** It makes vectors, and no text. */
  readonly encoder: boolean
}

const encoderNames: Readonly<Record<string, string>> = { 'minilm-bert': 'bert', 'xlm-roberta': 'xlm-roberta' }

/** A GGUF cannot say all of what these do, or there is none. */
const withoutGguf = ['gemma2-27b-scale', 'gemma3n', 'llama-keys-missing', 'llama-rope-dynamic']

/** Families that a GGUF calls by the name of another, of which they are a case. */
const ggufNames: Readonly<Record<string, string>> = { mistral: 'llama', 'xlm-roberta': 'bert' }

const served = (folder: string, architecture: string, encoder: boolean): ServedModel => ({
  ...{ folder, architecture, encoder },
  ggufArchitecture: withoutGguf.includes(folder) ? undefined : (ggufNames[architecture] ?? architecture),
})

/** Every golden checkpoint, decoders and encoders. */
export const servedModels: readonly ServedModel[] = /* @__PURE__ */ [
  ...architectureRows.map(({ folder, architecture }) => served(folder, architecture, false)),
  ...encoderFolders.map(folder => served(folder, encoderNames[folder]!, true)),
]
