import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, preNorm } from './blocks.ts'
import { ggufRoles, interleavedHeads, llamaRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-6, kvHeads: 4, tied: true, activation: 'silu', theta: 2e6 }

/** Every fourth layer does not turn, where a file does not say which. */
const everyFourth = (layer: number) => (layer + 1) % 4 !== 0

function config(shape: Shape, turns: (layer: number) => boolean): DecoderConfig {
  return decoder('smollm3', shape, layer => {
    const mixer = attention(shape, turns(layer) ? {} : { rope: undefined })
    return { branches: [preNorm(mixer), preNorm(feedForward(shape))] }
  })
}

/** SmolLM3 (Hugging Face, 2025): Llama of which some layers have no positions. */
export const smollm3: Architecture = {
  name: 'smollm3',
  modelTypes: ['smollm3'],
  ggufTypes: ['smollm3'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    read.only('use_sliding_window', false)
    read.skip('sliding_window', 'max_window_layers')
    // 1 means that a layer turns.
    const listed = read.numbers('no_rope_layers', shape.layers)
    const interval = read.count('no_rope_layer_interval', 4)
    return config(shape, layer => (listed === undefined ? (layer + 1) % interval !== 0 : listed[layer] === 1))
  },
  gguf: (read, tensors) => config(ggufShape(read, defaults, tensors), everyFourth),
  names: (config, file, prefix) => ({
    roles: file === 'gguf' ? { ...ggufRoles, ...interleavedHeads(config) } : llamaRoles(prefix),
  }),
}
