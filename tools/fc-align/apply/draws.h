/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_DRAWS_H
#define FC_ALIGN_DRAWS_H

#include "stream/example.h"
#include "stream/header.h"

/*
 * What the rows of a conversation are.  Rows of draws list shares of ids that were drawn from the
 * whole distribution; what they do not list is not a tail, and a true token that was not drawn is
 * not unlikely: true_logprob alone has its probability.
 */
struct align_draws {
	uint32_t n;  /* draws of a row; 0: rows are of the likeliest entries */
	bool counts; /* a model's own rows: shares are whole counts of n */
};
struct align_draws align_draws_of(const struct fc_header *h, const struct fc_example *x);

/* The share of an entry; of a count without the rounding of the stream. */
double align_draws_share(const struct align_draws *d, float logprob);

/*
 * A log-probability for a token that was not drawn, where nothing else is known of it: what was
 * drawn once comes to as much as what was not drawn at all (Good, Biometrika 1953), here spread
 * evenly over the tokens without an entry.
 */
float align_draws_absent(
    const struct align_draws *d, size_t n_entry, const float *logprob, size_t n_vocab);

#endif
