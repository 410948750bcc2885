/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_BLOCK_H
#define FC_MODEL_BLOCK_H

#include "model/model.h"

/*
 * One decoder layer, forward and backward.  Inference runs every layer over one fc_block_acts;
 * training keeps only each layer's input and runs the forward pass again before the backward one
 * (activation recomputation).
 */
struct fc_block_acts;
struct fc_block_acts *fc_block_acts_new(const struct fc_config *c);
void fc_block_acts_free(struct fc_nn *nn, struct fc_block_acts *a);

/* Where keys and values of earlier tokens are, for generation: per sequence of the batch. */
struct fc_kv_seq {
	float *k, *v; /* [n_past + n_new, G*D] of this layer; new rows are appended by the pass */
	size_t n_past;
};

enum fc_pass {
	FC_PASS_ONLY,  /* x (in place) = block(x) */
	FC_PASS_KEEP,  /* x = block(x), and what the backward pass needs stays in acts */
	FC_PASS_AGAIN, /* only fills acts for the backward pass; x is left undefined */
};
/* What every pass begins with: where the tokens of the batch are in their sequences, for the layers
 * and the embedding of positions.  kv: NULL, or [n_seq] of which n_past is read.  Returns the
 * device's array [N], valid until the next call. */
const uint32_t *fc_block_positions(struct fc_nn *nn, struct fc_block_acts *acts,
    const struct fc_batch *b, const struct fc_kv_seq *kv);
/* kv: NULL, or [n_seq]. */
void fc_block_fwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *x /* [N,C] */,
    const struct fc_batch *b, const struct fc_kv_seq *kv, enum fc_pass pass,
    struct fc_block_acts *acts);

/* The array of fc_block_positions() as the host has it. */
const uint32_t *fc_block_host_positions(const struct fc_block_acts *acts);

struct fc_expert_grad {
	float *gate, *up, *down;
};
/* Gradients of one layer's weights, "+="; NULL where the layer has none. */
struct fc_layer_grad {
	float *q, *k, *v, *qkv, *o, *gate, *up, *gate_up, *down;
	float *attn_norm, *ffn_norm, *attn_post_norm, *ffn_post_norm, *q_norm, *k_norm;
	float *attn_norm_bias, *ffn_norm_bias, *router;
	struct fc_expert_grad *expert; /* [n_expert] owned by the parameters */
	float *q_bias, *k_bias, *v_bias, *qkv_bias, *o_bias, *gate_bias, *up_bias, *down_bias;
};
/* dx (in place): gradient of the output becomes that of the input.  x: the layer's input.  acts:
 * of fc_block_fwd() on the same x in KEEP or AGAIN, spent by this. */
void fc_block_bwd(struct fc_nn *nn, const struct fc_model *m, size_t layer, float *dx,
    const float *x, const struct fc_batch *b, struct fc_block_acts *acts,
    const struct fc_layer_grad *g);

#endif
