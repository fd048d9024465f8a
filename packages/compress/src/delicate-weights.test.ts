import { describe, expect, it } from 'vitest'
import { delicateWeights } from './delicate-weights.ts'
import { modelRecipe } from './model-recipe.ts'

/** Models with the weights that are delicate in them, and others, as their files call them. */
const models: Record<string, { delicate: string[]; others: string[] }> = {
  'by roles': {
    delicate: ['embedding.tokens', 'embedding.positions', 'layers.0.feedForward.router', 'head'],
    others: ['layers.0.feedForward.gate', 'layers.0.attention.output', 'layers.0.feedForward.experts.0.gate'],
  },
  BERT: {
    delicate: [
      'bert.embeddings.word_embeddings.weight',
      'bert.embeddings.position_embeddings.weight',
      'bert.embeddings.token_type_embeddings.weight',
      'classifier.weight',
    ],
    others: [
      'bert.embeddings.LayerNorm.weight',
      'bert.embeddings.LayerNorm.bias',
      'bert.encoder.layer.0.attention.self.query.weight',
      'bert.encoder.layer.0.attention.output.dense.weight',
      'bert.encoder.layer.0.output.dense.weight',
      'bert.pooler.dense.weight',
      'classifier.bias',
    ],
  },
  'ViT of transformers': {
    delicate: [
      'vit.embeddings.cls_token',
      'vit.embeddings.position_embeddings',
      'vit.embeddings.patch_embeddings.projection.weight',
    ],
    others: [
      'vit.encoder.layer.0.attention.attention.key.weight',
      'vit.encoder.layer.0.intermediate.dense.weight',
    ],
  },
  'ViT of timm': {
    delicate: ['pos_embed', 'patch_embed.proj.weight', 'head.weight'],
    others: ['patch_embed.proj.bias', 'blocks.0.attn.qkv.weight', 'blocks.0.mlp.fc1.weight', 'head.bias'],
  },
  CLIP: {
    delicate: [
      'text_model.embeddings.token_embedding.weight',
      'text_model.embeddings.position_embedding.weight',
      'vision_model.embeddings.class_embedding',
      'vision_model.embeddings.patch_embedding.weight',
    ],
    others: ['text_model.encoder.layers.0.mlp.fc1.weight', 'visual_projection.weight', 'logit_scale'],
  },
  Whisper: {
    delicate: [
      'model.decoder.embed_tokens.weight',
      'model.decoder.embed_positions.weight',
      'model.encoder.embed_positions.weight',
      'proj_out.weight',
    ],
    others: ['model.encoder.layers.0.fc1.weight', 'model.encoder.layers.0.self_attn.out_proj.weight'],
  },
  'a mixture of experts': {
    delicate: ['model.embed_tokens.weight', 'model.layers.0.block_sparse_moe.gate.weight', 'lm_head.weight'],
    others: [
      'model.layers.0.block_sparse_moe.experts.0.w1.weight',
      'model.layers.0.mlp.gate.weight',
      'model.layers.0.mlp.gate_proj.weight',
    ],
  },
  'a GGUF': {
    delicate: ['token_embd.weight', 'output.weight', 'blk.0.ffn_gate_inp.weight'],
    others: [
      'output_norm.weight',
      'blk.0.attn_output.weight',
      'blk.0.ffn_gate.weight',
      'token_embd_norm.weight',
    ],
  },
  'GPT-2': { delicate: ['wte.weight', 'wpe.weight'], others: ['h.0.attn.c_attn.weight', 'ln_f.weight'] },
  'a model that wraps another': {
    delicate: ['embedder.wrapped.embed_tokens.weight'],
    others: ['embedder.wrapped.layers.0.fc1.weight', 'transformer_blocks.0.attn.proj_out.weight'],
  },
  'a ResNet': { delicate: ['fc.weight'], others: ['conv1.weight', 'layer1.0.conv1.weight', 'fc.bias'] },
}

describe('delicateWeights', () => {
  it.each(Object.entries(models))('finds those of %s', (_, { delicate, others }) => {
    expect(delicateWeights([...others, ...delicate])).toEqual(delicate)
  })

  it('have steps of their own in a recipe', () => {
    const { delicate, others } = models.BERT!
    const { rules } = modelRecipe([{ method: 'rtn', bits: 4 }], [...delicate, ...others], {
      delicate: [{ method: 'rtn', bits: 8 }],
    })
    expect(rules).toEqual([
      ...delicate.map(match => ({ match, use: [{ method: 'rtn', bits: 8 }] })),
      { match: '*', use: [{ method: 'rtn', bits: 4 }] },
    ])
  })
})
