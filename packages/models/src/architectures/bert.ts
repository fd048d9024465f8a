import type { Branch, DecoderConfig, Operation } from '../decoder/config.ts'
import type { Pooling } from '../encoder/pooling.ts'
import type { Architecture } from './architecture.ts'
import { attention, decoder, feedForward } from './blocks.ts'
import type { Fields } from './fields.ts'
import { ggufRoles } from './names.ts'
import { type Defaults, ggufShape, huggingFaceShape, type Shape } from './shape.ts'

const defaults: Defaults = { epsilon: 1e-12, tied: true, activation: 'gelu' }

const summed = (op: Operation): Branch => ({ op, norms: ['sum'] })

function config(
  name: string,
  shape: Shape,
  { positions, types }: { positions: number; types: number },
): DecoderConfig {
  const branches = [
    summed(attention(shape, { bidirectional: true })),
    summed(feedForward(shape, { gated: false })),
  ]
  const { head: _, ...encoder } = decoder(name, shape, () => ({ branches }), {
    norm: { kind: 'layer', epsilon: shape.epsilon },
    embedding: { positions, types, norm: true },
    finalNorm: false,
  })
  return encoder
}

/** @param first  the row of the first position: rows before it belong to padding */
function fromHuggingFace(name: string, read: Fields, first: number): DecoderConfig {
  read.only('position_embedding_type', 'absolute')
  const shape = huggingFaceShape(read, defaults)
  const contextLength = shape.contextLength - first
  return config(
    name,
    { ...shape, contextLength },
    { positions: first, types: read.number('type_vocab_size', 2) },
  )
}

/** As llama.cpp numbers the kinds of pooling; it normalises whatever they are. */
function poolingInGguf(read: Fields): Pooling | undefined {
  read.only('pooling_type', 0, 1, 2)
  const type = read.optional('pooling_type') ?? 0
  return type === 0 ? undefined : { kind: type === 1 ? 'mean' : 'cls', normalize: true }
}

const names: Architecture['names'] = (_, file, prefix) => {
  if (file === 'gguf') {
    return {
      roles: {
        ...ggufRoles,
        'attention.sum': 'blk.{layer}.attn_output_norm',
        'feedForward.sum': 'blk.{layer}.layer_output_norm',
      },
    }
  }
  const layer = `${prefix}encoder.layer.{layer}`
  return {
    roles: {
      'embedding.tokens': `${prefix}embeddings.word_embeddings`,
      'embedding.positions': `${prefix}embeddings.position_embeddings`,
      'embedding.types': `${prefix}embeddings.token_type_embeddings`,
      'embedding.norm': `${prefix}embeddings.LayerNorm`,
      'attention.query': `${layer}.attention.self.query`,
      'attention.key': `${layer}.attention.self.key`,
      'attention.value': `${layer}.attention.self.value`,
      'attention.output': `${layer}.attention.output.dense`,
      'attention.sum': `${layer}.attention.output.LayerNorm`,
      'feedForward.up': `${layer}.intermediate.dense`,
      'feedForward.down': `${layer}.output.dense`,
      'feedForward.sum': `${layer}.output.LayerNorm`,
    },
    // What other tasks put behind the encoder, and the numbers of positions as a tensor.
    ignored: [/(^|\.)(pooler|cls|lm_head|classifier)\./, /embeddings\.(position|token_type)_ids$/],
  }
}

/** BERT (Devlin et al., 2018, arXiv:1810.04805), MiniLM (Wang et al., 2020, arXiv:2002.10957) and their kind: an encoder. */
export const bert: Architecture = {
  name: 'bert',
  modelTypes: ['bert'],
  ggufTypes: ['bert'],
  prefixes: ['', 'bert.'],
  huggingFace: read => fromHuggingFace('bert', read, 0),
  gguf(read, tensors) {
    read.only('attention.causal', false)
    const pooling = poolingInGguf(read)
    const shape = ggufShape(read, defaults, tensors)
    // The converter has cut the table to the positions of tokens.
    const found = config('bert', shape, { positions: 0, types: tensors.dims('token_types.weight')?.[0] ?? 1 })
    return pooling === undefined ? found : { ...found, pooling }
  },
  names,
}

/** RoBERTa (Liu et al., 2019, arXiv:1907.11692) and XLM-RoBERTa (Conneau et al., 2019, arXiv:1911.02116), whose positions begin at 2. */
export const xlmRoberta: Architecture = {
  name: 'xlm-roberta',
  modelTypes: ['xlm-roberta', 'roberta'],
  ggufTypes: [],
  prefixes: ['', 'roberta.'],
  huggingFace(read) {
    const padding = read.number('pad_token_id', 1)
    return fromHuggingFace('xlm-roberta', read, padding + 1)
  },
  names,
}
