/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_CONFIG_H
#define FC_MODEL_CONFIG_H

#include "base/err.h"
#include "nn/nn.h"
#include "text/json.h"

/* config.json of the LLaMA family as one parametrised block. */
struct fc_config {
	char model_type[32]; /* llama, mistral, qwen2, qwen3, gemma */
	size_t n_vocab;      /* rows of the embedding; may exceed the tokenizer's */
	size_t n_embd, n_ff, n_layer, n_head, n_head_kv, head_dim;
	size_t n_ctx; /* max_position_embeddings */
	float norm_eps;
	double rope_theta;
	enum fc_act act;
	bool qkv_bias, o_bias, mlp_bias, qk_norm;
	bool norm_plus_one; /* Gemma: (1 + w) */
	bool tied;          /* the head is the embedding */
	float embed_scale;  /* 1, or sqrt(n_embd) rounded to the model's dtype */
	float logit_softcap, attn_softcap; /* 0: none */
	uint32_t window;    /* sliding window; 0: none */
	enum fc_dtype dtype; /* torch_dtype */
	json_t *json;        /* the whole file, owned */
};
/* path: a model folder or a config.json.  An architecture or feature that is not supported is
 * refused by name. */
int fc_config_load(struct fc_config *c, const char *path, struct fc_err *e);
void fc_config_release(struct fc_config *c);

#endif
