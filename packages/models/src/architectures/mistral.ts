import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import type { Fields } from './fields.ts'
import { llamaGgufNames } from './llama.ts'
import { llamaRoles } from './names.ts'
import { type Defaults, huggingFaceShape } from './shape.ts'
import { windowOf } from './windows.ts'

const defaults: Defaults = { epsilon: 1e-6, kvHeads: 8, tied: false, activation: 'silu', theta: 10000 }

function huggingFace(read: Fields) {
  const shape = huggingFaceShape(read, defaults)
  const window = windowOf(read, 4096)
  const [mixer, network] = [attention(shape, { window }), feedForward(shape)]
  return decoder('mistral', shape, () => ({ branches: [preNorm(mixer), preNorm(network)] }))
}

/** Mistral (Jiang et al., 2023, arXiv:2310.06825): Llama with a window in every layer, where its configuration has one. */
export const mistral: Architecture = {
  name: 'mistral',
  modelTypes: ['mistral'],
  // Its GGUF files say `llama`, and no window.
  ggufTypes: [],
  prefixes: ['model.', '', 'language_model.model.', 'model.language_model.'],
  huggingFace,
  names: (config, file, prefix) => (file === 'gguf' ? llamaGgufNames(config) : { roles: llamaRoles(prefix) }),
}
