import type { Encoded, Encoding, Tensor, TersorError, Tokenizer } from '@tersor/core-tensor'
import type { SourceOptions, WeightInfo } from '@tersor/formats'
import type { OnnxGraph } from '@tersor/formats/onnx'
import type { DecoderConfig } from '../decoder/config.ts'
import type { LoadRows } from './model-roles.ts'

/** A model on disk or on a server: its weights are read one at a time, when they are asked for. */
export interface ModelFile {
  /** Undefined for a file of weights alone, and where it is not understood. */
  readonly config: DecoderConfig | undefined
  /** Why its configuration is not understood: then it can be looked into and not run, see `checkModel`. */
  readonly refusal?: TersorError | undefined
  /** The configuration as its file spells it, every key of it; of other formats as Hugging Face would. */
  readonly configText: string | undefined
  /** The weights that the configuration asks for, with their shapes. */
  readonly shapes: ReadonlyMap<string, readonly number[]> | undefined
  /** What was opened: a path or a URL, possibly of a folder. */
  readonly from: string | URL
  /** What its files are, whatever they are called. */
  readonly format: 'safetensors' | 'gguf' | 'onnx' | 'npz' | 'llama2c'
  /** The files that hold its weights, and the index of shards. */
  readonly files: readonly (string | URL)[]
  /** How those on servers were asked for, for whoever opens them again. */
  readonly opening?: Omit<SourceOptions, 'signal'> | undefined
  /** What the weights are called: by their roles, such as `layers.0.attention.query`; without a configuration as in the file. */
  readonly names: readonly string[]
  /** Roles that the configuration asks for and the file lacks. */
  readonly missing: readonly string[]
  /** Tensors that the model does not have, and that may change what it computes. */
  readonly unclaimed: readonly string[]
  /** Tensors of what sees and hears beside the language model, which is what is read. */
  readonly elsewhere: readonly string[]
  /** How another program quantized it, such as `gptq`, as its configuration says. */
  readonly quantizedBy?: string | undefined
  /** Why what another program quantized cannot be read: then it can be looked into and not run, see `checkModel`. */
  readonly unread?: TersorError | undefined
  /** What an ONNX model computes, which is not run here. */
  readonly graph?: OnnxGraph | undefined
  /** Bytes of the weight files, headers and alignment included. */
  readonly fileBytes: number
  /**
   * What is known of a weight before it is loaded.
   *
   * @throws {FormatError} when there is none of that name
   */
  info(name: string): WeightInfo
  /** A weight, compressed as it is stored; rows of fused matrices, and q and k of GGUF files in the order of Hugging Face's. */
  load(name: string, options?: LoadRows): Promise<Tensor | Encoded>
  /** Whether some rows of a weight are read without the others; else all are read for some too. */
  readsRows(name: string): boolean
  /** What a weight is called where it is written: as in Hugging Face's files, where it is a tensor of its own there. */
  storedName(name: string): string
  /** What has to travel with the weights, so that text becomes the same tokens: files by name, with their bytes. */
  companions(): Promise<ReadonlyMap<string, Uint8Array>>
  /** The tokenizer that lies in the file or beside it. */
  openTokenizer(): Promise<Tokenizer | undefined>
  close(): Promise<void>
}

export interface OpenModelOptions extends SourceOptions {
  /** The kinds of encodings that its weights may be of; `coreKinds` by default. */
  kinds?: readonly Encoding[] | undefined
}
