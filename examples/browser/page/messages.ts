/** What the page asks of its worker. */
export type Request =
  | { kind: 'load'; url: string; bits: number; device: 'wasm' | 'webgpu' }
  | { kind: 'write'; prompt: string; maxTokens: number; temperature: number }

/** What the worker answers. */
export type Answer =
  | { kind: 'progress'; done: number; total: number; fetchedBytes: number }
  | { kind: 'loaded'; storedBytes: number; heldBytes: number; device: string }
  | { kind: 'text'; text: string; tokens: number; seconds: number }
  | { kind: 'done' }
  | { kind: 'problem'; message: string }
