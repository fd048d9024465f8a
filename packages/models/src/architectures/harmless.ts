/** Keys of config.json that never change what a forward pass gives, or that the weights say themselves. */
const KEYS = new Set([
  ...[
    '_name_or_path',
    'architectures',
    'auto_map',
    'custom_pipelines',
    'transformers_version',
    'torch_dtype',
    'dtype',
  ],
  ...[
    'use_cache',
    'initializer_range',
    'initializer_factor',
    'init_std',
    'gradient_checkpointing',
    'pretraining_tp',
  ],
  ...[
    'slow_but_exact',
    'reorder_and_upcast_attn',
    'output_router_logits',
    'router_aux_loss_coef',
    'router_jitter_noise',
  ],
  ...[
    'output_hidden_states',
    'output_attentions',
    'return_dict',
    'use_return_dict',
    'chunk_size_feed_forward',
    'finetuning_task',
  ],
  ...[
    'id2label',
    'label2id',
    'num_labels',
    'problem_type',
    'is_encoder_decoder',
    'tokenizer_class',
    'task_specific_params',
  ],
  ...['altup_coef_clip', 'initial_context_length', 'n_ctx', 'vocab_size_per_layer_input', 'type_vocab_size'],
  ...[
    'attention_bias',
    'mlp_bias',
    'bias',
    'use_bias',
    'use_qkv_bias',
    'qkv_bias',
    'conv_bias',
    'use_mlp_bias',
    'lm_head_bias',
    'attention_out_bias',
    'enable_bias',
  ],
  ...[
    'full_attention_interval',
    'no_rope_layer_interval',
    'mrope_section',
    'mrope_interleaved',
    'transformers.js_config',
  ],
  ...[
    'language_model_only',
    'seq_length',
    'upcast_attention',
    'use_flash_attn',
    '_attn_implementation',
    'cache_implementation',
  ],
  ...[
    'unsloth_fixed',
    'unsloth_version',
    '_flash_attn_2_enabled',
    'mlp_dropout',
    'keys_to_ignore_at_inference',
  ],
])

/** Likewise: numbers of special tokens, what happens in training only, and heads for other tasks. */
const PATTERN = /_token_id$|_token_ids$|dropout|pdrop$|layerdrop|^summary_|^classifier_|^problem_/

export function isHarmless(key: string): boolean {
  return KEYS.has(key) || PATTERN.test(key)
}
