/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_MODEL_H
#define FC_MODEL_MODEL_H

#include "model/config.h"
#include "store/store.h"

/* Weights of one decoder layer.  NULL or p == NULL: the architecture has none. */
struct fc_layer {
	struct fc_weight q, k, v, o;       /* [H*D,C] [G*D,C] [G*D,C] [C,H*D] */
	struct fc_weight gate, up, down;   /* [F,C] [F,C] [C,F] */
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
	float **owned;          /* [n_owned] vectors and unaligned matrices widened to float32 */
	size_t n_owned, cap_owned;
	struct fc_block_acts *acts; /* scratch of the passes: one pass at a time over a model */
};
/* Every tensor the architecture needs must be there with its shape, and no other: a missing,
 * surplus or misshapen tensor is an error that names it. */
int fc_model_open(struct fc_model **m, const char *dir, struct fc_err *e);
void fc_model_close(struct fc_model *m);
uint64_t fc_model_fingerprint(const struct fc_model *m); /* of a model that was opened */

/* Token sequences one after the other; sequence s is [off[s], off[s+1]). */
struct fc_batch {
	const uint32_t *tok; /* [N] */
	const size_t *off;   /* [n_seq + 1] */
	size_t n_seq;
};
/* The ids are in the vocabulary and the offsets ascend from 0. */
int fc_batch_check(const struct fc_batch *b, const struct fc_model *m, struct fc_err *e);
/* pos[n] = n's position in its sequence, [N]. */
void fc_batch_positions(const struct fc_batch *b, uint32_t *pos);

/*
 * Final hidden states (after the last norm) of a batch: sequences do not see each other.  Holds the
 * activations of one layer, [N, C + H*D + ...] floats, never logits.
 */
int fc_model_hidden(struct fc_nn *nn, const struct fc_model *m, const struct fc_batch *b,
    float *x /* [N,C] */, struct fc_err *e);
struct fc_head fc_model_head(const struct fc_model *m, size_t n_vocab);

#endif
