#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the expected logits of tests/unit/model_golden.c: one JSON file a variant of an architecture,
with the config and the tensor list of its checkpoint.  Not run by the tests; needs torch and
transformers (the Llama family and those from qwen3_moe on written with 2.15.0+cu132 and 5.23.0, the
others with 5.24.0; float32 on the CPU, eager attention).

    python3 golden.py DIRECTORY [VARIANT...]

Weights are not stored: element i of tensor NAME is fill(fnv1a(NAME), i), a hash to the 64 numbers
-32/128 ... 31/128, which float16 and bfloat16 hold exactly; norms of all but Gemma get 1 added.  A
checkpoint with them is written and read by transformers, so that names and layouts are its own."""
import json
import math
import os
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file

SEQUENCES = [[1, 5, 9, 33, 2, 0, 39, 17, 8, 8, 21], [7], [3, 30, 12, 4, 4, 25]]
BASE = dict(vocab_size=40, hidden_size=48, intermediate_size=56, num_hidden_layers=2,
            num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=64,
            rms_norm_eps=1e-5, tie_word_embeddings=False)
NEOX = dict(vocab_size=40, hidden_size=48, intermediate_size=56, num_hidden_layers=2,
            num_attention_heads=3, max_position_embeddings=64)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16, rope_theta=500.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=12, rope_theta=100.0,
            beta_fast=3.0, beta_slow=0.5)
DYNAMIC = dict(rope_type="dynamic", factor=3.0, rope_theta=1000.0)
LONG = dict(rope_type="longrope", short_factor=[1.0, 1.25], long_factor=[1.5, 4.0],
            rope_theta=10000.0, partial_rotary_factor=0.5)
LOCAL = dict(rope_type="default", rope_theta=100.0)
GEMMA = dict(head_dim=12, tie_word_embeddings=True, query_pre_attn_scalar=20, sliding_window=4)
LONG4 = dict(LONG, short_factor=[1.0, 1.25, 1.5], long_factor=[1.5, 4.0, 6.0],
             partial_rotary_factor=0.75)
GROWING = dict(YARN, original_max_position_embeddings=4, mscale=1.0, mscale_all_dim=1.0,
               llama_4_scaling_beta=0.3)
COHERE = dict({k: v for k, v in BASE.items() if k != "rms_norm_eps"}, tie_word_embeddings=True,
              logit_scale=0.3, pad_token_id=0)
FULL, SLIDING = "full_attention", "sliding_attention"
LATENT = dict(BASE, num_key_value_heads=6, kv_lora_rank=16, qk_nope_head_dim=12, qk_rope_head_dim=8,
              v_head_dim=10, moe_intermediate_size=20, first_k_dense_replace=1, num_hidden_layers=3)
VISION = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
              image_size=8, patch_size=4)
VARIANTS = {
    "llama": ("LlamaForCausalLM", BASE),
    "llama-bias": ("LlamaForCausalLM", dict(
        BASE, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, num_key_value_heads=6,
        rope_parameters=LLAMA3)),
    "llama-linear": ("LlamaForCausalLM", dict(
        BASE, num_key_value_heads=1, hidden_act="gelu",
        rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=10000.0))),
    "llama-dynamic": ("LlamaForCausalLM", dict(
        BASE, max_position_embeddings=8, rope_parameters=DYNAMIC)),
    "llama-yarn": ("LlamaForCausalLM", dict(BASE, head_dim=16, rope_parameters=YARN)),
    "llama-yarn-mscale": ("LlamaForCausalLM", dict(BASE, head_dim=16, rope_parameters=dict(
        YARN, truncate=False, mscale=0.7, mscale_all_dim=2.0))),
    "mistral": ("MistralForCausalLM", dict(BASE, sliding_window=4, head_dim=16)),
    "mixtral": ("MixtralForCausalLM", dict(BASE, num_local_experts=5)),
    "qwen2": ("Qwen2ForCausalLM", dict(
        BASE, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="default", rope_theta=1e6))),
    "qwen2-window": ("Qwen2ForCausalLM", dict(
        BASE, use_sliding_window=True, sliding_window=3, max_window_layers=1)),
    "qwen3": ("Qwen3ForCausalLM", dict(BASE, head_dim=20, rms_norm_eps=1e-6)),
    "gemma": ("GemmaForCausalLM", dict(BASE, head_dim=12, tie_word_embeddings=True)),
    "gemma2": ("Gemma2ForCausalLM", dict(
        {**BASE, **GEMMA}, num_hidden_layers=3, attn_logit_softcapping=2.0,
        final_logit_softcapping=5.0)),
    "gemma3": ("Gemma3ForCausalLM", dict(
        {**BASE, **GEMMA}, num_hidden_layers=4, sliding_window_pattern=3, rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e4),
            sliding_attention=LOCAL))),
    "gemma3-images": ("Gemma3ForConditionalGeneration", dict(
        text_config=dict({**BASE, **GEMMA}, num_hidden_layers=1, layer_types=["full_attention"]),
        vision_config=VISION, image_token_index=38, boi_token_index=37, eoi_token_index=36)),
    "phi3": ("Phi3ForCausalLM", dict(BASE, sliding_window=5, pad_token_id=0)),
    "phi3-longrope": ("Phi3ForCausalLM", dict(
        BASE, original_max_position_embeddings=8, rope_parameters=LONG, pad_token_id=0)),
    "internlm2": ("InternLM2ForCausalLM", dict(BASE, bias=False)),
    "internlm2-dynamic": ("InternLM2ForCausalLM", dict(
        BASE, bias=True, max_position_embeddings=8, rope_theta=1000.0,
        rope_scaling=dict(type="dynamic", factor=2.0))),
    "gpt2": ("GPT2LMHeadModel", dict(
        vocab_size=40, n_embd=48, n_head=6, n_layer=2, n_positions=11)),
    "gpt2-scaled": ("GPT2LMHeadModel", dict(
        vocab_size=40, n_embd=48, n_head=4, n_layer=2, n_positions=16, n_inner=20,
        activation_function="gelu", scale_attn_by_inverse_layer_idx=True)),
    "gpt_neox": ("GPTNeoXForCausalLM", NEOX),
    "gpt_neox-serial": ("GPTNeoXForCausalLM", dict(
        NEOX, use_parallel_residual=False, attention_bias=False, hidden_act="gelu_new",
        rope_parameters=dict(LOCAL, partial_rotary_factor=0.5))),
    "mpt": ("MptForCausalLM", dict(
        vocab_size=40, d_model=48, n_heads=6, n_layers=2, max_seq_len=16)),
    "mpt-clip": ("MptForCausalLM", dict(
        vocab_size=40, d_model=48, n_heads=4, n_layers=2, max_seq_len=16,
        attn_config=dict(clip_qkv=0.5, softmax_scale=0.5))),
    "qwen3_moe": ("Qwen3MoeForCausalLM", dict(
        BASE, head_dim=12, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=20,
        norm_topk_prob=True)),
    "granite": ("GraniteForCausalLM", dict(
        BASE, tie_word_embeddings=True, embedding_multiplier=6.0, attention_multiplier=0.2,
        residual_multiplier=0.22, logits_scaling=4.0)),
    "smollm3": ("SmolLM3ForCausalLM", dict(
        BASE, num_hidden_layers=3, tie_word_embeddings=True, no_rope_layers=[1, 0, 1],
        pad_token_id=0)),
    "olmo2": ("Olmo2ForCausalLM", dict(BASE, pad_token_id=0)),
    "olmo3": ("Olmo3ForCausalLM", dict(
        BASE, num_hidden_layers=3, sliding_window=4, layer_types=[SLIDING, FULL, SLIDING],
        pad_token_id=0)),
    "olmo3-yarn": ("Olmo3ForCausalLM", dict(
        BASE, layer_types=[FULL, FULL], rope_parameters=YARN, pad_token_id=0)),
    "phi3-mini4": ("Phi3ForCausalLM", dict(
        BASE, original_max_position_embeddings=8, rope_parameters=LONG4, tie_word_embeddings=True,
        pad_token_id=0)),
    "ministral": ("MinistralForCausalLM", dict(
        BASE, head_dim=16, sliding_window=4, layer_types=[FULL, SLIDING])),
    "ministral3": ("Ministral3ForCausalLM", dict(
        BASE, head_dim=16, rope_parameters=GROWING, pad_token_id=0)),
    "mistral3-images": ("Mistral3ForConditionalGeneration", dict(
        text_config=dict(BASE, model_type="mistral", num_hidden_layers=1, sliding_window=None),
        vision_config=dict(VISION, model_type="pixtral"), image_token_index=38)),
    "cohere": ("CohereForCausalLM", COHERE),
    "cohere2": ("Cohere2ForCausalLM", dict(
        COHERE, num_hidden_layers=3, sliding_window=4, layer_types=[SLIDING, FULL, SLIDING])),
    "glm": ("GlmForCausalLM", dict(BASE, head_dim=8, attention_bias=True, pad_token_id=0)),
    "glm4": ("Glm4ForCausalLM", dict(BASE, head_dim=8, attention_bias=True, pad_token_id=0)),
    "gpt_oss": ("GptOssForCausalLM", dict(
        BASE, head_dim=12, num_local_experts=5, num_experts_per_tok=2, sliding_window=4,
        layer_types=[SLIDING, FULL], rope_parameters=dict(YARN, truncate=False))),
    "deepseek_v2": ("DeepseekV2ForCausalLM", dict(
        LATENT, q_lora_rank=None, n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=2,
        rope_parameters=dict(YARN, mscale=0.7, mscale_all_dim=0.7))),
    "deepseek_v2-groups": ("DeepseekV2ForCausalLM", dict(
        LATENT, q_lora_rank=20, n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=1,
        topk_method="group_limited_greedy", n_group=3, topk_group=2, routed_scaling_factor=4.0)),
    "deepseek_v3": ("DeepseekV3ForCausalLM", dict(
        LATENT, q_lora_rank=20, n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=1,
        n_group=4, topk_group=2, routed_scaling_factor=2.5, norm_topk_prob=True,
        rope_parameters=dict(YARN, mscale=1.0, mscale_all_dim=1.0))),
    "deepseek_v3-one_group": ("DeepseekV3ForCausalLM", dict(
        LATENT, q_lora_rank=None, v_head_dim=20, n_routed_experts=6, num_experts_per_tok=2,
        n_shared_experts=2, n_group=1, topk_group=1, routed_scaling_factor=1.5,
        norm_topk_prob=False)),
    "deepseek_v3-halves": ("DeepseekV3ForCausalLM", dict(
        LATENT, q_lora_rank=20, num_hidden_layers=1, rope_interleave=False)),
}


def fnv1a(s):
    h = 2166136261
    for b in s.encode():
        h = (h ^ b) * 16777619 & 0xffffffff
    return h


def fill(seed, n):
    h = (torch.arange(1, n + 1, dtype=torch.int64) * 0x9e3779b1 & 0xffffffff) ^ seed
    h ^= h >> 16
    h = h * 0x85ebca6b & 0xffffffff
    h ^= h >> 13
    h = h * 0xc2b2ae35 & 0xffffffff
    h ^= h >> 16
    return ((h >> 26) - 32).float() / 128


def filled(name, shape, gemma):
    w = fill(fnv1a(name), math.prod(shape)).reshape(shape)
    return w + 1 if ("norm" in name or "ln_" in name) and not gemma else w


def plain(family, more):
    """A model as transformers saves it, with other numbers: the model, its config, its tensors."""
    config = getattr(transformers, family).config_class(**more)
    model = getattr(transformers, family)(config).float()
    with tempfile.TemporaryDirectory() as d:
        model.save_pretrained(d)
        file = os.path.join(d, "model.safetensors")
        tensors = {k: filled(k, t.shape, "Gemma" in family) for k, t in load_file(file).items()}
        save_file(tensors, file, {"format": "pt"})
        model = getattr(transformers, family).from_pretrained(
            d, attn_implementation="eager", dtype=torch.float32)
        with open(os.path.join(d, "config.json")) as f:
            return model, json.load(f), tensors


def internlm2(more):
    """transformers has no InternLM2: its makers' conversion to Llama, by the layout of wqkv (for each
    key/value head its queries, its key, its value)."""
    c = dict(more, model_type="internlm2", architectures=["InternLM2ForCausalLM"], dtype="float32")
    C, F, V = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    H, G, D = c["num_attention_heads"], c["num_key_value_heads"], C // c["num_attention_heads"]
    llama = {k: v for k, v in more.items() if k not in ("bias", "rope_scaling", "rope_theta")}
    llama["attention_bias"] = more["bias"]
    if "rope_scaling" in more:
        llama["rope_parameters"] = dict(rope_type=more["rope_scaling"]["type"],
                                        factor=more["rope_scaling"]["factor"],
                                        rope_theta=more["rope_theta"])
    config = transformers.LlamaConfig(**llama)
    config._attn_implementation = "eager"
    model = transformers.LlamaForCausalLM(config).float().eval()
    tensors, state = {}, {}

    def new(name, *shape):
        tensors[name] = filled(name, shape, False)
        return tensors[name]

    state["model.embed_tokens.weight"] = new("model.tok_embeddings.weight", V, C)
    for i in range(c["num_hidden_layers"]):
        a, b = f"model.layers.{i}.", f"model.layers.{i}."
        for end in ["weight"] + ["bias"] * more["bias"]:
            fused = new(a + f"attention.wqkv.{end}", (H + 2 * G) * D, *[C] * (end == "weight"))
            rows = fused.reshape(G, H // G + 2, D, -1)
            shape = [C] * (end == "weight")
            state[b + f"self_attn.q_proj.{end}"] = rows[:, :-2].reshape(H * D, *shape)
            state[b + f"self_attn.k_proj.{end}"] = rows[:, -2].reshape(G * D, *shape)
            state[b + f"self_attn.v_proj.{end}"] = rows[:, -1].reshape(G * D, *shape)
            state[b + f"self_attn.o_proj.{end}"] = new(a + f"attention.wo.{end}", C, *shape)
        state[b + "input_layernorm.weight"] = new(a + "attention_norm.weight", C)
        state[b + "post_attention_layernorm.weight"] = new(a + "ffn_norm.weight", C)
        state[b + "mlp.gate_proj.weight"] = new(a + "feed_forward.w1.weight", F, C)
        state[b + "mlp.up_proj.weight"] = new(a + "feed_forward.w3.weight", F, C)
        state[b + "mlp.down_proj.weight"] = new(a + "feed_forward.w2.weight", C, F)
    state["model.norm.weight"] = new("model.norm.weight", C)
    state["lm_head.weight"] = new("output.weight", V, C)
    model.load_state_dict(state)
    return model, c, tensors


def main(out, *names):
    for name in names or VARIANTS:
        family, more = VARIANTS[name]
        model, config, tensors = (internlm2(more) if family.startswith("InternLM2")
                                  else plain(family, more))
        with torch.no_grad():
            logits = [model.eval()(torch.tensor([s])).logits[0] for s in SEQUENCES]
        rows = [[float(f"{v:.7g}") for v in row] for seq in logits for row in seq.tolist()]
        with open(f"{out}/{name}.json", "w") as f:
            f.write('{"config": %s,\n"tensors": %s,\n"sequences": %s,\n"logits": [\n%s\n]}\n' % (
                json.dumps(config), json.dumps({k: list(t.shape) for k, t in tensors.items()}),
                json.dumps(SEQUENCES),
                ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)))
        print(name, max(abs(v) for r in rows for v in r))


if __name__ == "__main__":
    main(*sys.argv[1:])
