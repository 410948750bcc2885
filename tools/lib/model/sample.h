/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_SAMPLE_H
#define FC_MODEL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "token/tokenizer.h" /* FC_NO_TOKEN */

/* How the next token is drawn.  Everything applies in this order, each to what the one before left:
 * penalty, temperature, top_k, top_p, min_p; so do the logits processors of transformers. */
struct fc_sampling {
	double
	    temperature; /* divides the logits; 0: the most likely token, limits and rng unused */
	int top_k;       /* this many of the most likely; 0: all */
	double top_p;    /* the fewest of the most likely with at least this mass, renormalised
			  * over what top_k left; 1: all */
	double min_p;    /* those at least this fraction as likely as the most likely; 0: all */
};
#define FC_SAMPLING_GREEDY                                                                         \
	{                                                                                          \
		0, 0, 1, 0                                                                         \
	}

/* Repetition penalty (Keskar et al. 2019, arXiv 1909.05858): the logits of ids, each named once,
 * are divided by it where positive and multiplied where negative; 1 changes nothing. */
void fc_sample_penalize(float *logits, const uint32_t *id, size_t n, double penalty);

/* Equal logits rank by id; -INFINITY is never drawn.  FC_NO_TOKEN: the logits hold NaN or no finite
 * value.  n_vocab: the tokenizer's, where the model has more outputs. */
uint32_t fc_sample(
    const float *logits /* [V] */, size_t n_vocab, const struct fc_sampling *s, struct fc_rng *rng);

#endif
