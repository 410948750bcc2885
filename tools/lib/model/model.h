/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_MODEL_H
#define FC_MODEL_MODEL_H

#include "model/config.h"
#include "store/store.h"

/* Weights of one decoder layer.  NULL or p == NULL: the architecture has none. */
struct fc_layer {
	struct fc_weight q, k, v, o;      /* [H*D,C] [G*D,C] [G*D,C] [C,H*D] */
	struct fc_weight gate, up, down;  /* [F,C] [F,C] [C,F] */
	const float *attn_norm, *ffn_norm; /* [C] */
	const float *q_norm, *k_norm;      /* [D], before the rotary embedding */
	const float *q_bias, *k_bias, *v_bias, *o_bias, *gate_bias, *up_bias, *down_bias;
	uint32_t window; /* sliding window; 0: full attention */
};

/* A model to compute with.  Opened from a folder the weights stay mapped in the file's dtype. */
struct fc_model {
	struct fc_config cfg;
	struct fc_weight embed, head; /* the same memory when tied */
	const float *final_norm;
	struct fc_layer *layer; /* [n_layer] */
	struct fc_rope rope;
	struct fc_store *store; /* NULL for a model in training */
	void *owned;            /* vectors widened to float32 */
};
/* Every tensor the architecture needs must be there with its shape, and no other: a missing,
 * surplus or misshapen tensor is an error that names it. */
int fc_model_open(struct fc_model **m, const char *dir, struct fc_err *e);
void fc_model_close(struct fc_model *m);

/* Token sequences one after the other; sequence s is [off[s], off[s+1]). */
struct fc_batch {
	const uint32_t *tok; /* [N] */
	const size_t *off;   /* [n_seq + 1] */
	size_t n_seq;
};

/*
 * Final hidden states (after the last norm) of a batch: sequences do not see each other.  Holds the
 * activations of one layer, [N, C + H*D + ...] floats, never logits.
 */
int fc_model_hidden(struct fc_nn *nn, const struct fc_model *m, const struct fc_batch *b,
    float *x /* [N,C] */, struct fc_err *e);
struct fc_head fc_model_head(const struct fc_model *m, size_t n_vocab);

#endif
