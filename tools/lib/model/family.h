/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_FAMILY_H
#define FC_MODEL_FAMILY_H

#include "model/config.h"
#include "model/fields.h"

/*
 * ---- How to add an architecture ----
 *
 * A family is a declaration in a file of its own, family_NAME.c, or beside a close relative: a
 * struct fc_family, listed in family.c.  Nothing else knows it by name.
 *
 * 1. preset: a struct fc_config with what the class in transformers has where config.json is
 *    silent, and with the shape of the block: which norm (layer_norm, norm_plus_one, post_norm),
 *    which position code, which activation, gated or not, how q, k, v are stored.
 * 2. keys: what config.json calls things where it is not as Llama's.
 * 3. tensor: the checkpoint's tensor names, as they are in its safetensors file (not as they are in
 *    memory of transformers, which renames some), in the order of the computation.  Each says by
 *    its role where the tensor goes; roles and their shapes are in slot.c.  "*" stands for the
 * layer and the expert.  A role that hangs on a flag of the config (q_bias on qkv_bias) may be
 * listed always.
 * 4. read: what only this config.json has, NULL where the keys say all.  Features that would change
 *    results and that we do not have are refused here by name.
 * 5. trains: fc-train may have it as the pivot; block_bwd.c must know every part of the block.
 *
 * Then the tests, which are the larger part of the afternoon:
 * - tests/data/model/golden.py: a variant with the family's config, odd sizes, a short window and
 *   scaling; run it; add the name to tests/unit/model_golden.c.
 * - tests/unit/model_pass.c: the same through the key/value cache, packed, on two threads.
 * - trains: the family in tests/unit/slowmodel.h (double precision, from the paper's formulas) and
 *   in tests/unit/model_grad.c.
 *
 * A part of the block that nobody has yet: a field of struct fc_config that says what it is (not
 * who has it), its kernel in nn/, its place in block.c, and a role in slot.c if it has weights.
 *
 * Traps: rotary pairs are (i, i + R/2) in Hugging Face files and (2i, 2i + 1) in GGUF files of the
 * llama family.  A tied head may be in the file too.  head_dim need not be n_embd / n_head.  Old
 * checkpoints carry buffers (masks, rotary frequencies) that follow from the config: see bind.c.
 * A missing sliding_window can mean the class's default, null means none.
 */

/* Members of config.json where they are not called as in Llama's (hidden_size, intermediate_size,
 * num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, max_position_embeddings,
 * rms_norm_eps, hidden_act, rope_theta). */
struct fc_keys {
	const char *n_embd, *n_ff, *n_layer, *n_head, *n_head_kv, *head_dim, *n_ctx;
	const char *norm_eps, *act, *rope_theta;
	/* NULL: the family has no such member */
	const char *attention_bias; /* a flag for q, k, v and o */
	const char *mlp_bias;
	const char *partial_rotary;
	const char *window;
};

/* Which layers have the sliding window, where config.json has no layer_types. */
enum fc_window_rule {
	FC_WINDOW_ALL,   /* every layer, when there is one */
	FC_WINDOW_UPPER, /* from max_window_layers on, when use_sliding_window is set */
	FC_WINDOW_TURNS, /* all but every sliding_window_pattern-th */
};

/* What a tensor is for; slot.c has each one's shape and place. */
enum fc_tensor_role {
	FC_TENSOR_EMBED = 1,
	FC_TENSOR_POSITION,
	FC_TENSOR_FINAL_NORM,
	FC_TENSOR_FINAL_NORM_BIAS,
	FC_TENSOR_HEAD,
	FC_TENSOR_ATTN_NORM, /* of a layer, from here on */
	FC_TENSOR_ATTN_NORM_BIAS,
	FC_TENSOR_Q,
	FC_TENSOR_Q_BIAS,
	FC_TENSOR_K,
	FC_TENSOR_K_BIAS,
	FC_TENSOR_V,
	FC_TENSOR_V_BIAS,
	FC_TENSOR_QKV,
	FC_TENSOR_QKV_BIAS,
	FC_TENSOR_Q_NORM,
	FC_TENSOR_K_NORM,
	FC_TENSOR_O,
	FC_TENSOR_O_BIAS,
	FC_TENSOR_ATTN_POST_NORM,
	FC_TENSOR_FFN_NORM,
	FC_TENSOR_FFN_NORM_BIAS,
	FC_TENSOR_GATE,
	FC_TENSOR_GATE_BIAS,
	FC_TENSOR_UP,
	FC_TENSOR_UP_BIAS,
	FC_TENSOR_GATE_UP,
	FC_TENSOR_DOWN,
	FC_TENSOR_DOWN_BIAS,
	FC_TENSOR_FFN_POST_NORM,
	FC_TENSOR_ROUTER,
	FC_TENSOR_EXPERT_GATE,
	FC_TENSOR_EXPERT_UP,
	FC_TENSOR_EXPERT_DOWN,
	FC_TENSOR_SINK,
	FC_TENSOR_ROUTER_BIAS,
	FC_TENSOR_ROUTER_CHOICE,
	FC_TENSOR_Q_DOWN, /* with latents: what makes that of queries, its norm, queries of it */
	FC_TENSOR_Q_LATENT_NORM,
	FC_TENSOR_Q_UP,
	FC_TENSOR_KV_DOWN,
	FC_TENSOR_KV_LATENT_NORM,
	FC_TENSOR_KV_UP,
	FC_TENSOR_DENSE_GATE, /* of layers without experts, where others have them */
	FC_TENSOR_DENSE_UP,
	FC_TENSOR_DENSE_DOWN,
	FC_TENSOR_SHARED_GATE, /* beside the experts */
	FC_TENSOR_SHARED_UP,
	FC_TENSOR_SHARED_DOWN,
	FC_TENSOR_EXPERTS_GATE_UP, /* of all experts, from here on */
	FC_TENSOR_EXPERTS_GATE_UP_BIAS,
	FC_TENSOR_EXPERTS_DOWN,
	FC_TENSOR_EXPERTS_DOWN_BIAS,
	FC_TENSOR_N
};

struct fc_family_tensor {
	enum fc_tensor_role role; /* 0: the end of the list */
	const char *name;
};

struct fc_family {
	const char *type; /* model_type */
	const char *architecture;
	struct fc_config preset;
	struct fc_keys keys;
	enum fc_window_rule window;
	size_t window_turn;  /* FC_WINDOW_TURNS: the pattern's default */
	size_t n_ff_by_embd; /* n_ff where config.json has none, in n_embd; 0: it must be there */
	double rotary_part;  /* of a head; 0: all of it */
	const struct fc_family_tensor *tensor;
	/* The beginning of most names, and what other files have in its place; NULL: nothing in its
	 * place, as of a model saved without its output head, see fc_family_prefixes(). */
	const char *const *prefixes;
	int (*read)(struct fc_config *c, const struct fc_fields *s);
	bool trains;
};
/* Ended by NULL; the first one is what the names of the declaration begin with. */
const char *const *fc_family_prefixes(const struct fc_family *f);
/* By model_type; NULL with an error that names those there are. */
const struct fc_family *fc_family_find(const char *type, const char *where, struct fc_err *e);

extern const struct fc_family fc_family_llama, fc_family_mistral, fc_family_mixtral,
    fc_family_qwen2, fc_family_qwen3, fc_family_gemma, fc_family_gemma2, fc_family_gemma3,
    fc_family_phi3, fc_family_internlm2, fc_family_gpt2, fc_family_gpt_neox, fc_family_mpt,
    fc_family_qwen3_moe, fc_family_granite, fc_family_smollm3, fc_family_olmo2, fc_family_olmo3,
    fc_family_ministral, fc_family_ministral3, fc_family_cohere, fc_family_cohere2, fc_family_glm,
    fc_family_glm4, fc_family_gpt_oss, fc_family_deepseek_v2, fc_family_deepseek_v3,
    fc_family_kimi_k2;

#endif
