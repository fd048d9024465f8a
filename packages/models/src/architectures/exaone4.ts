import type { DecoderConfig } from '../decoder/config.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward, postNorm } from './blocks.ts'
import { ggufRoles } from './names.ts'
import { olmo2 } from './olmo2.ts'
import { type Defaults, ggufShape, huggingFaceShape, type LayerType, type Shape } from './shape.ts'
import { everyNth, typesOf } from './windows.ts'

const defaults: Defaults = {
  ...{ epsilon: 1e-5, kvHeads: 32, tied: false, activation: 'silu', theta: 10000 },
  layerTypes: ['full', 'sliding'],
}

function config(shape: Shape, types: readonly LayerType[], window: number | undefined): DecoderConfig {
  return decoder('exaone4', shape, layer => {
    const slides = types[layer] === 'sliding'
    // Where some layers slide, the full ones do not turn.
    const own = window === undefined ? {} : slides ? { window } : { rope: undefined }
    return {
      branches: [postNorm(attention(shape, { queryKeyNorm: 'head', ...own })), postNorm(feedForward(shape))],
    }
  })
}

/** EXAONE 4 (LG AI Research, 2025, arXiv:2507.11407): norms behind the branches, three layers with a window for one without positions. */
export const exaone4: Architecture = {
  name: 'exaone4',
  modelTypes: ['exaone4'],
  ggufTypes: ['exaone4'],
  prefixes: ['model.', ''],
  huggingFace(read) {
    const shape = huggingFaceShape(read, defaults)
    const window = read.has('sliding_window') ? read.optional('sliding_window') : 4096
    const pattern = read.value('sliding_window_pattern')
    const every = typeof pattern === 'string' ? pattern.length : read.count('sliding_window_pattern', 4)
    return config(shape, typesOf(shape, everyNth(shape.layers, every)), window)
  },
  gguf(read, tensors) {
    const shape = ggufShape(read, defaults, tensors)
    const pattern = read.list('attention.sliding_window_pattern')
    const types = pattern?.map((slides): LayerType => (slides === true ? 'sliding' : 'full'))
    const window = read.optional('attention.sliding_window')
    return config(shape, types ?? everyNth(shape.layers, 4), window)
  },
  names: (config, file, prefix, has) =>
    file === 'gguf' ? { roles: ggufRoles } : olmo2.names(config, file, prefix, has),
}
