import type { Loss } from './compress-model.ts'

/** Where a model comes from: a URL or a name on the Hub, or files that were dropped. */
export type Given = { url: string; keep: boolean } | { files: readonly File[] }

/** What the page asks of its worker; one thing at a time, but for `stop`. */
export type Request =
  | { kind: 'load'; given: Given; bits: number; device: 'wasm' | 'webgpu' }
  | { kind: 'write'; prompt: string; maxTokens: number; temperature: number }
  | { kind: 'compare'; text: string }
  | { kind: 'forget' }
  | { kind: 'stop' }

/** What the worker answers. The last of what was asked is `done`, `stopped` or `problem`. */
export type Answer =
  | { kind: 'progress'; stage: string; done: number; total: number; tensors?: readonly [number, number] }
  | { kind: 'compressed'; result: Compressed }
  | { kind: 'loaded'; heldBytes: number; device: string }
  | { kind: 'text'; text: string; tokens: number; seconds: number }
  | { kind: 'compared'; original: Score; compressed: Score }
  | { kind: 'done'; note: string }
  | { kind: 'stopped' }
  | { kind: 'problem'; message: string }

/** What became of a model. */
export interface Compressed {
  /** The model and what belongs beside it, to be downloaded. */
  readonly files: readonly File[]
  /** Of the weight files, headers included. */
  readonly originalBytes: number
  readonly fileBytes: number
  /** Bits of the weights alone, headers not included. */
  readonly bitsPerWeight: { readonly original: number; readonly compressed: number }
  readonly loss: Loss
  /** Where the file is kept until the page is left, in words. */
  readonly where: string
}

/** How a model does on a text. */
export interface Score {
  readonly perplexity: number
  readonly tokensPerSecond: number
}
