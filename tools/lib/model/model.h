/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_MODEL_H
#define FC_MODEL_MODEL_H

#include "model/config.h"
#include "store/store.h"

/*
 * model/: a language model as weights and passes. config and family (family_*: one file an
 * architecture) read what a model is, by fields of config.json and ropespec (its positions); bind
 * finds its weights by name (bind_experts: all of a layer at once; quantized and unpack: those that
 * are several tensors; owned: their memory), params holds them for training and params_save writes
 * them; shuttle brings layers to a device that has no room for all; forward runs a batch through
 * block (block_moe, block_latent, block_acts; block_bwd is the way back), step generates with the
 * cache of kvcache and slot, sample chooses the next token; lora is what adapters add to a block,
 * lora_open a model in training with them; footprint tells what memory that takes.
 */

struct fc_layer_loras;

struct fc_expert {
	struct fc_weight gate, up, down;              /* [F,C] [F,C] [C,F] */
	const float *gate_bias, *up_bias, *down_bias; /* NULL: there are none */
};

/* Weights of one decoder layer.  NULL or p == NULL: the architecture has none. */
struct fc_layer {
	struct fc_weight q, k, v, o; /* [H*D,C] [G*D,C] [G*D,C] [C,H*D] */
	struct fc_weight qkv;        /* or [H*D + 2 G*D, C], see enum fc_qkv */
	/* With latents of R and RQ: k, v, and qkv are not there, q is [H*D,RQ], o [C,H*DV] */
	struct fc_weight q_down;                     /* [RQ,C] */
	struct fc_weight kv_down, kv_up;             /* [R + DR,C] [H*(D - DR + DV),R] */
	const float *q_latent_norm, *kv_latent_norm; /* [RQ] [R] */
	struct fc_weight gate, up, down; /* [F,C] [F,C] [C,F]; beside experts: of all tokens */
	struct fc_weight gate_up;        /* or [2F,C], gate first */
	struct fc_weight router;         /* [n_expert,C] */
	struct fc_expert *expert;        /* [n_expert] owned by the model; NULL: none here */
	const float *attn_norm, *ffn_norm, *attn_norm_bias, *ffn_norm_bias; /* [C] */
	const float *attn_post_norm, *ffn_post_norm; /* [C] of what is added to the stream */
	const float *q_norm, *k_norm;                /* [D], before the rotary embedding */
	const float *q_bias, *k_bias, *v_bias, *qkv_bias, *o_bias, *gate_bias, *up_bias, *down_bias;
	const float *router_bias;           /* [n_expert] */
	const float *router_choice;         /* [n_expert] host array, see struct fc_router */
	const float *sink;                  /* [H] see struct fc_attn */
	uint32_t window;                    /* sliding window; 0: full attention */
	float attn_scale;                   /* of the scores */
	struct fc_layer_loras *lora;        /* adapters (model/lora.h); NULL: none */
	const struct fc_ropespec *ropespec; /* in the config; NULL: no rotary embedding */
	const struct fc_rope *rope;         /* in the model; of sequences within the context */
};

/* A model to compute with.  Opened from a folder the weights stay mapped in the file's dtype. */
struct fc_model {
	struct fc_config cfg;
	struct fc_weight embed, head; /* one memory when tied */
	struct fc_weight position;    /* [n_ctx,C] learned; p NULL: none */
	const float *final_norm, *final_norm_bias;
	struct fc_layer *layer; /* [n_layer] */
	struct fc_rope rope, rope_sliding;
	float *alibi;           /* [H] slopes; NULL: none */
	struct fc_store *store; /* NULL for a model in training */
	const char *prefix;     /* what most names of the file begin with; NULL: as the family's */
	void **owned; /* [n_owned] vectors in float32, matrices that the file has otherwise */
	size_t n_owned, cap_owned;
	struct fc_nn *nn;           /* where the weights are; NULL: nowhere yet */
	struct fc_shuttle *shuttle; /* of layers that do not stay there; NULL: all do */
	size_t n_stay;              /* layers before this one do */
	const void **kept;          /* [n_kept] copies of weights on the device */
	size_t n_kept, cap_kept;
	struct fc_block_acts *acts; /* scratch of the passes: one pass at a time over a model */
};
/* Matrices of the file are used where they are, an expert's only when a token goes there.
 * Every tensor the architecture needs must be there with its shape, and no other: a missing,
 * surplus or misshapen tensor is an error that names it. */
/* nn: what passes over it will run on, which outlives it; NULL: none will. */
int fc_model_open(struct fc_model **m, const char *dir, struct fc_nn *nn, struct fc_err *e);
/* Only the first n_stay layers stay on the device; each of the others comes there in every pass.
 * For passes without a way back. */
int fc_model_open_part(
    struct fc_model **m, const char *dir, struct fc_nn *nn, size_t n_stay, struct fc_err *e);
void fc_model_close(struct fc_model *m);
/* In place: m is zeros, and released by fc_model_release() (model/slot.h) even after a failure.
 * hf_rows: rows are in the order of Hugging Face, whatever a GGUF file has. */
int fc_model_read(struct fc_model *m, const char *dir, struct fc_nn *nn, size_t n_stay,
    bool hf_rows, struct fc_err *e);

/* Token sequences one after the other; sequence s is [off[s], off[s+1]). */
struct fc_batch {
	const uint32_t *tok; /* [N] */
	const size_t *off;   /* [n_seq + 1] */
	size_t n_seq;
};
/* The ids are in the vocabulary and the offsets ascend from 0; learned positions suffice. */
int fc_batch_check(const struct fc_batch *b, const struct fc_model *m, struct fc_err *e);

/*
 * Final hidden states (after the last norm) of a batch: sequences do not see each other.  Holds the
 * activations of one layer, [N, C + H*D + ...] floats, never logits.
 */
int fc_model_hidden(struct fc_nn *nn, const struct fc_model *m, const struct fc_batch *b,
    float *x /* [N,C] */, struct fc_err *e);
/* The parts of fc_model_hidden() before the first and after the last layer; pos is of
 * fc_block_positions().  y may be x.  A factor of the logits is in what the last norm gives. */
void fc_model_embed(struct fc_nn *nn, const struct fc_model *m, const uint32_t *tok,
    const uint32_t *pos, size_t N, float *x /* [N,C] */);
void fc_model_final_norm(
    struct fc_nn *nn, const struct fc_model *m, float *y, const float *x /* [N,C] */, size_t N);
/* The softmax runs over all rows of the matrix, those without a token too: fc-models(7),
 * "Vocabulary". */
struct fc_head fc_model_head(const struct fc_model *m);

#endif
