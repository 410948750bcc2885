/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_CONFIG_H
#define FC_MODEL_CONFIG_H

#include "base/err.h"
#include "model/quantized.h"
#include "model/ropespec.h"
#include "nn/nn.h"
#include "text/json.h"

/* How the rows of the projections to queries, keys and values lie in the file. */
enum fc_qkv {
	FC_QKV_SPLIT,   /* three matrices */
	FC_QKV_STACKED, /* one: all of q, all of k, all of v */
	FC_QKV_GROUPED, /* one: for each key/value head its queries, its key, its value */
};

enum fc_position { FC_POS_ROPE, FC_POS_LEARNED, FC_POS_ALIBI };

struct fc_family;

/* A decoder as one parametrised block: what its family presets (model/family.h) and what
 * config.json says. */
struct fc_config {
	const struct fc_family *family; /* static */
	const char *model_type;         /* of the family; static */
	const char *architecture;       /* the class transformers loads it with; static */
	size_t n_vocab;                 /* rows of the embedding; may exceed the tokenizer's */
	size_t n_embd, n_ff, n_layer, n_head, n_head_kv, head_dim;
	size_t n_ctx;                   /* max_position_embeddings */
	size_t n_expert, n_expert_used; /* 0: one feed-forward network for all tokens */
	struct fc_router router;        /* its choice is a layer's */
	/* DeepSeek, where n_ff is an expert's width: */
	size_t n_dense, n_ff_dense; /* layers before n_dense have no experts, and this width */
	size_t n_ff_shared;         /* of a network beside the experts, for all tokens; 0: none */
	size_t n_extra_layer;       /* layers behind the last, for other predictions: left alone */

	/* DeepSeek: keys and values of all heads are made of a latent of this width and a key of
	 * head_rotary components, the last of a head, that all share; 0: they are not.  Values
	 * have head_value of head_dim components; queries may be made of a latent, too. */
	size_t n_latent, n_query_latent, head_rotary, head_value;
	bool latent_q, choice_bias;

	bool layer_norm;    /* mean and variance; else root mean square */
	bool norm_bias;     /* layer_norm adds a bias */
	bool norm_plus_one; /* Gemma: (1 + w) */
	bool post_norm;     /* Gemma 2 and 3: also what a part adds to the stream is normalised */
	bool no_pre_norm;   /* OLMo 2: a part reads the stream as it is; post_norm */
	bool qk_norm;       /* heads of q and k */
	bool qk_norm_wide;  /* OLMo 2: of all heads together */
	bool parallel;      /* GPT-NeoX: attention and feed-forward read the same stream */
	bool shared_norm;   /* Cohere: and what one norm makes of it; parallel */
	float norm_eps;
	float residual_scale; /* Granite: of what a part adds to the stream; 0: 1; no post_norm */

	enum fc_position position;
	struct fc_ropespec rope;
	bool two_ropes; /* Gemma 3: layers with a window have rope_sliding */
	struct fc_ropespec rope_sliding;
	bool *no_rope;   /* [n_layer] SmolLM3, Cohere 2: layers that do not rotate; NULL; owned */
	float query_log; /* Ministral 3: queries grow by 1 + query_log log(1 + floor(position /
			  * rope.n_ctx_before)); 0: not */
	float alibi_max; /* the steepest slope is 2^-(alibi_max / heads) */

	enum fc_qkv qkv;
	bool qkv_bias, o_bias;
	float qkv_clip;         /* MPT: queries, keys and values are clipped here; 0: not */
	double query_scale;     /* scores are multiplied by this^-1/2; 0: head_dim */
	bool scale_by_layer;    /* scores are divided by the layer's number from 1 */
	float attn_softcap;     /* 0: none */
	uint32_t window;        /* sliding window; 0: none */
	uint32_t *layer_window; /* [n_layer]: window, or 0 where a layer sees everything; owned */

	enum fc_act act;
	bool gated;   /* act(gate) * up; else act(up) */
	bool gate_up; /* both in one matrix */
	bool mlp_bias;

	bool conv1d;         /* GPT-2: matrices are stored [in, out] */
	bool tied;           /* the head is the embedding */
	bool scaled_embed;   /* Gemma: times sqrt(n_embd) */
	float embed_scale;   /* sqrt(n_embd) rounded to the model's dtype, or 1 */
	float logit_scale;   /* Cohere, Granite: of the logits; 0: 1 */
	float logit_softcap; /* 0: none */

	enum fc_dtype dtype;           /* torch_dtype */
	struct fc_quantized quantized; /* how matrices of the files are stored */
	bool text_part;                /* of a model that also sees images */
	json_t *json;                  /* the whole file, owned */
};
/* path: a model folder, a config.json or a GGUF file.  An architecture or feature that is not
 * supported is refused by name. */
int fc_config_load(struct fc_config *c, const char *path, struct fc_err *e);
/* Reads the object of a config.json, which it keeps a reference to; where: its name for messages.
 */
int fc_config_read(struct fc_config *c, json_t *o, const char *where, struct fc_err *e);
/* For what needs the weights as numbers in the files: -1 where they are quantized. */
int fc_config_check_whole(const struct fc_config *c, const char *where, struct fc_err *e);
void fc_config_release(struct fc_config *c);

#endif
