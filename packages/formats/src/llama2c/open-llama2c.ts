import { FormatError, Tensor, UnsupportedError } from '@tersor/core-tensor'
import { findTensor } from '../find-tensor.ts'
import { parseSource, type RandomAccess, type Source, type SourceOptions } from '../random-access.ts'
import { rowRange } from '../row-range.ts'
import type { TensorInfo, WeightFile } from '../weight-file.ts'

const WHERE = 'formats/llama2c'

/** Seven int32. */
const HEADER_BYTES = 28

/** 'ak42', which starts the later versions 1 (float32) and 2 (int8). */
const VERSIONED_MAGIC = 0x616b3432

export interface Llama2cConfig {
  readonly dim: number
  readonly hiddenDim: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly vocabSize: number
  /** The longest sequence it was trained on. */
  readonly sequenceLength: number
  /** Whether the head is the token embedding; then there is no `lm_head.weight`. */
  readonly tied: boolean
}

export interface Llama2cFile extends WeightFile {
  readonly config: Llama2cConfig
}

/**
 * Opens a checkpoint of llama2.c in its original layout (`model.bin`, version 0): a header of seven
 * int32, then float32 weights of all layers, one kind after the other.
 *
 * Tensors have the names that Hugging Face gives them, one per layer. Their query and key rows stay
 * as llama2.c has them, for rotation of neighbouring pairs (`interleaved`), where Hugging Face
 * checkpoints are permuted for halves.
 *
 * @throws {FormatError} when the header and the length of the file contradict each other
 * @throws {UnsupportedError} for the later versions, which start with 'ak42'
 * @example
 * const header = Int32Array.of(2, 4, 1, 1, 1, 3, 8) // dim, hidden, layers, heads, kv heads, vocabulary, sequence
 * const floats = 3 * 2 + 2 + 4 * 2 * 2 + 2 + 3 * 4 * 2 + 2 + 8 * 2
 * const file = await openLlama2c(new Blob([header, new Float32Array(floats)]))
 * file.config.vocabSize // => 3
 * file.tensors.get('model.layers.0.mlp.down_proj.weight')?.dims // => [2, 4]
 */
export function openLlama2c(from: Source, options: SourceOptions = {}): Promise<Llama2cFile> {
  return parseSource(from, options, async source => {
    const config = await readConfig(source)
    const sections = sectionsOf(config)
    checkLength(config, sections, source.byteLength)
    const tensors = place(sections)
    return {
      config,
      tensors,
      async read(name, options = {}) {
        const info = findTensor(tensors, name, WHERE)
        const { dims, start, byteLength } = rowRange(name, info, options, WHERE)
        return new Tensor('float32', await source.read(info.start + start, byteLength, options.signal), dims)
      },
      close: () => source.close(),
    }
  })
}

async function readConfig(source: RandomAccess): Promise<Llama2cConfig> {
  const bytes = await source.read(0, HEADER_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  if (view.getUint32(0, true) === VERSIONED_MAGIC) {
    throw new UnsupportedError(
      `[${WHERE}] expected the original layout, version 0, got version ${view.getInt32(4, true)} ('ak42'); ` +
        'export the model again with `--version 0`',
    )
  }
  const field = (i: number) => view.getInt32(4 * i, true)
  const [dim, hiddenDim, layers, heads, kvHeads] = [field(0), field(1), field(2), field(3), field(4)]
  // A negative vocabulary says that the head has weights of its own.
  const [vocabSize, sequenceLength, tied] = [Math.abs(field(5)), field(6), field(5) > 0]
  const config = { dim, hiddenDim, layers, heads, kvHeads, vocabSize, sequenceLength, tied }
  const positive = [dim, hiddenDim, layers, heads, kvHeads, vocabSize, sequenceLength].every(
    value => value > 0,
  )
  if (!positive || dim % heads !== 0 || (dim / heads) % 2 !== 0 || heads % kvHeads !== 0) {
    throw new FormatError(
      `[${WHERE}] expected positive sizes, heads of an even width, and kvHeads dividing heads, got ${JSON.stringify(config)}; ` +
        'is this a llama2.c checkpoint?',
    )
  }
  return config
}

/** A run of equal tensors, one per layer or a single one; `name` is undefined for what is skipped. */
interface Section {
  readonly name?: ((layer: number) => string) | undefined
  readonly count: number
  readonly dims: readonly number[]
}

function sectionsOf({
  dim,
  hiddenDim,
  layers,
  heads,
  kvHeads,
  vocabSize,
  sequenceLength,
  tied,
}: Llama2cConfig): Section[] {
  const kvDim = (dim / heads) * kvHeads
  const single = (name: string, ...dims: number[]): Section => ({ name: () => name, count: 1, dims })
  const layered = (name: string, ...dims: number[]): Section => ({
    name: layer => `model.layers.${layer}.${name}.weight`,
    count: layers,
    dims,
  })
  return [
    single('model.embed_tokens.weight', vocabSize, dim),
    layered('input_layernorm', dim),
    layered('self_attn.q_proj', dim, dim),
    layered('self_attn.k_proj', kvDim, dim),
    layered('self_attn.v_proj', kvDim, dim),
    layered('self_attn.o_proj', dim, dim),
    layered('post_attention_layernorm', dim),
    layered('mlp.gate_proj', hiddenDim, dim),
    layered('mlp.down_proj', dim, hiddenDim),
    layered('mlp.up_proj', hiddenDim, dim),
    single('model.norm.weight', dim),
    // The cosines and sines of the rotation, which nobody needs any more.
    { count: 2, dims: [sequenceLength, dim / heads / 2] },
    ...(tied ? [] : [single('lm_head.weight', vocabSize, dim)]),
  ]
}

const bytesEach = ({ dims }: Section) => dims.reduce((product, dim) => product * dim, 4)

/** Before anything is built: a file that holds its layers has room for their names too. */
function checkLength(config: Llama2cConfig, sections: readonly Section[], fileBytes: number): void {
  const expected = sections.reduce((sum, section) => sum + section.count * bytesEach(section), HEADER_BYTES)
  if (expected !== fileBytes) {
    throw new FormatError(
      `[${WHERE}] expected ${expected} bytes for ${JSON.stringify(config)}, got ${fileBytes}; ` +
        'is this a llama2.c checkpoint of version 0, and whole?',
    )
  }
}

function place(sections: readonly Section[]): Map<string, TensorInfo & { start: number }> {
  const tensors = new Map<string, TensorInfo & { start: number }>()
  let start = HEADER_BYTES
  for (const section of sections) {
    const byteLength = bytesEach(section)
    for (let i = 0; i < section.count; i++) {
      if (section.name)
        tensors.set(section.name(i), {
          type: 'float32',
          dims: Object.freeze(section.dims),
          byteLength,
          start,
        })
      start += byteLength
    }
  }
  return tensors
}
