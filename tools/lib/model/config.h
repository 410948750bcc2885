/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_CONFIG_H
#define FC_MODEL_CONFIG_H

#include "base/err.h"
#include "nn/nn.h"
#include "text/json.h"

enum fc_rope_scaling { FC_ROPE_PLAIN, FC_ROPE_LINEAR, FC_ROPE_LLAMA3 };

/* config.json of the LLaMA family as one parametrised block. */
struct fc_config {
	char model_type[32];      /* llama, mistral, qwen2, qwen3, gemma */
	const char *architecture; /* the class transformers loads it with; static */
	size_t n_vocab;           /* rows of the embedding; may exceed the tokenizer's */
	size_t n_embd, n_ff, n_layer, n_head, n_head_kv, head_dim;
	size_t n_ctx; /* max_position_embeddings */
	float norm_eps;
	double rope_theta;
	enum fc_rope_scaling rope_scaling;
	double rope_factor;                   /* of both scalings */
	double rope_low_freq, rope_high_freq; /* llama3: wave lengths as fractions of rope_n_ctx */
	double rope_n_ctx;                    /* llama3: original_max_position_embeddings */
	bool rope_interleaved; /* "rope_interleaved": pairs (2i, 2i+1), as GGUF's llama */
	enum fc_act act;
	bool qkv_bias, o_bias, mlp_bias, qk_norm;
	bool norm_plus_one;                /* Gemma: (1 + w) */
	bool tied;                         /* the head is the embedding */
	float embed_scale;                 /* 1, or sqrt(n_embd) rounded to the model's dtype */
	float logit_softcap, attn_softcap; /* 0: none */
	uint32_t window;                   /* sliding window; 0: none */
	uint32_t *layer_window; /* [n_layer]: window, or 0 where a layer sees everything; owned */
	enum fc_dtype dtype;    /* torch_dtype */
	json_t *json;           /* the whole file, owned */
};
/* path: a model folder or a config.json.  An architecture or feature that is not supported is
 * refused by name. */
int fc_config_load(struct fc_config *c, const char *path, struct fc_err *e);
void fc_config_release(struct fc_config *c);

/* r->inv_freq is the caller's to free(). */
void fc_config_rope(const struct fc_config *c, struct fc_rope *r);

#endif
