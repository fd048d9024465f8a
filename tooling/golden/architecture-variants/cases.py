"""The models of make.py: `config` is what the reference is given, `file` what a config.json says where that differs from what
it writes itself (an older dialect, or a key left out), `otherwise` keys with which the numbers must be others."""

SMALL = dict(vocab_size=48, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128)
LLAMA = dict(model_type="llama", rms_norm_eps=1e-5, **SMALL)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=32)
LONGROPE = dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=32, short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.0, 2.0, 4.0, 5.5])

CASES = []


def case(name, architecture, why, config, **more):
    CASES.append(dict(name=name, architecture=architecture, why=why, config=config, **more))


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


case("llama-yarn-mscale", "llama", "YaRN with mscale and mscale_all_dim", dict(
    LLAMA, rope_parameters=dict(YARN, mscale=0.8, mscale_all_dim=0.5)), otherwise=dict(rope_parameters=YARN))
case("llama-yarn-factor", "llama", "YaRN with an attention_factor of its own", dict(
    LLAMA, rope_parameters=dict(YARN, attention_factor=1.3)), otherwise=dict(rope_parameters=YARN))
case("llama-longrope-factor", "llama", "longrope with a factor", dict(
    LLAMA, rope_parameters=dict(LONGROPE, factor=6.0)), otherwise=dict(rope_parameters=LONGROPE))
case("phi-4-longrope-window", "phi3", "partial longrope with a window below the text's length", dict(
    SMALL, model_type="phi3", hidden_size=64, partial_rotary_factor=0.75, original_max_position_embeddings=16, sliding_window=9, rms_norm_eps=1e-5, pad_token_id=0,
    bos_token_id=1, eos_token_id=2,
    rope_parameters=dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=16, partial_rotary_factor=0.75,
                         short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5], long_factor=[1.0, 1.5, 2.0, 3.0, 4.0, 5.0])), otherwise=dict(sliding_window=64))
case("gemma3-no-layer-types", "gemma3", "no layer_types: every sixth layer is full", (GEMMA3 := dict(
    SMALL, model_type="gemma3_text", num_hidden_layers=7, head_dim=16, sliding_window=8, query_pre_attn_scalar=16, rms_norm_eps=1e-6)),
    offset=True, file=dict(GEMMA3, rope_theta=1e6, rope_local_base_freq=10000.0), otherwise=dict(sliding_window_pattern=2),
    spread={"embed": (0.0, 0.25)})
case("gemma4-scalars", "gemma4", "layer_scalar that is not 1, every layer with keys of its own", dict(
    SMALL, model_type="gemma4_text", num_hidden_layers=3, head_dim=8, global_head_dim=16, sliding_window=16, num_kv_shared_layers=0, hidden_size_per_layer_input=8,
    vocab_size_per_layer_input=48, layer_types=["sliding_attention", "full_attention", "sliding_attention"], pad_token_id=0),
    spread={"layer_scalar": (0.75, 0.05), "embed_tokens.": (0.0, 0.25)})
case("gpt-oss-clamp", "gpt_oss", "gates beyond the limit of 7", dict(
    SMALL, model_type="gpt_oss", head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=9, intermediate_size=16,
    rope_parameters=dict(rope_type="yarn", rope_theta=150000.0, factor=4.0, original_max_position_embeddings=32, beta_fast=32.0, beta_slow=1.0, truncate=False)),
    otherwise=dict(swiglu_limit=100.0), spread={"gate_up_proj": (0.0, 1.2), "sinks": (0.0, 1.0)})
case("stablelm-parallel", "stablelm", "attention and feed-forward side by side", dict(
    SMALL, model_type="stablelm", use_parallel_residual=True, partial_rotary_factor=0.25, use_qkv_bias=True, layer_norm_eps=1e-5))
case("falcon-sequential", "falcon", "one branch after the other, as many heads of keys as of queries, biases", dict(
    model_type="falcon", vocab_size=48, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, multi_query=False, parallel_attn=False, new_decoder_architecture=False,
    bias=True, max_position_embeddings=128))
case("lfm2-adjusted", "lfm2", "an inner size that a rule makes of the stated one", dict(
    SMALL, model_type="lfm2", num_hidden_layers=3, intermediate_size=60, block_auto_adjust_ff_dim=True, block_multiple_of=16, block_ffn_dim_multiplier=1.2, norm_eps=1e-5,
    layer_types=["conv", "full_attention", "conv"]))
case("qwen2-late-windows", "qwen2", "windows from max_window_layers on, and no layer_types", (QWEN2 := dict(
    SMALL, model_type="qwen2", num_hidden_layers=3, use_sliding_window=True, sliding_window=8, max_window_layers=1, rms_norm_eps=1e-6)),
    file=dict(QWEN2, rope_theta=10000.0, tie_word_embeddings=False), otherwise=dict(max_window_layers=2))
case("granite-plain", "granite", "no multipliers", (GRANITE := dict(SMALL, model_type="granite", rms_norm_eps=1e-6)), file=dict(GRANITE, rope_theta=10000.0, tie_word_embeddings=False),
    otherwise=dict(attention_multiplier=0.3535))
case("gemma3-that-sees", "gemma3", "a config.json with text_config, and a vision tower beside the language model", dict(
    model_type="gemma3", text_config=dict(without(GEMMA3, "model_type"), num_hidden_layers=2, layer_types=["sliding_attention", "full_attention"]),
    vision_config=dict(model_type="siglip_vision_model", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14),
    mm_tokens_per_image=4, boi_token_index=40, eoi_token_index=41, image_token_index=42), offset=True, spread={"embed_tokens": (0.0, 0.25)},
    **{"class": "Gemma3ForConditionalGeneration"})
case("mistral-that-sees", "mistral", "a text_config with a head of its own, and keys of published files only", dict(
    model_type="mistral3", tie_word_embeddings=False, text_config=dict(SMALL, model_type="mistral", head_dim=8, sliding_window=None, rms_norm_eps=1e-5, rope_theta=1e6),
    vision_config=dict(model_type="pixtral", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14, head_dim=8)),
    file=dict(model_type="mistral3", text_config=dict(SMALL, model_type="mistral", head_dim=8, sliding_window=None, rms_norm_eps=1e-5, rope_theta=1e6)),
    **{"class": "Mistral3ForConditionalGeneration"})
