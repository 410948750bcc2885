/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_LEDGER_H
#define FC_ALIGN_LEDGER_H

#include <stddef.h>
#include <stdint.h>

/* Where the probability of rows went that did not reach an entry. */
enum align_loss {
	ALIGN_LOSS_TAIL,  /* never listed: below the source's top k */
	ALIGN_LOSS_ENDED, /* the source's token ends where the row stands; what follows is unknown
			   */
	ALIGN_LOSS_UNMAPPED, /* no pivot token stands for the candidate */
	ALIGN_LOSS_NO_TOKEN, /* the candidate is an id without a token: a row of the source's output
			      * matrix beyond its tokenizer, or a gap in it */
	ALIGN_LOSS_CUT,      /* below the k likeliest entries of the result */
	ALIGN_N_LOSS
};
extern const char *const align_loss_name[ALIGN_N_LOSS];

/*
 * What a transfer did, over trained tokens.  Every transferred row brings probability 1, so that
 * n_row = out + sum of lost up to rounding.
 */
struct align_ledger {
	uint64_t n_trained;         /* pivot tokens that a loss could use */
	uint64_t n_row;             /* trained tokens that got a row of the source's */
	uint64_t n_onehot, n_pivot; /* tokens that a fallback filled: with a certain token, with the
				     * pivot's own row */
	uint64_t n_unsure;          /* tokens without a row because too little was known */
	uint64_t n_unread; /* tokens without a row because the source has read none there: its
			    * conversations were truncated */
	uint64_t
	    n_exact; /* rows whose true_logprob follows from the source's without approximation */
	double out, lost[ALIGN_N_LOSS];
	/* Probability of candidates whose bytes the pivot would have cut elsewhere.  Removed before
	 * the division, so neither in out nor in lost. */
	double excluded;
	uint64_t *missed; /* [pivot's n_vocab] trained tokens without a row, by id; may be NULL */
	double *unmapped; /* [source's n_output] ALIGN_LOSS_UNMAPPED by id; may be NULL */
};

#endif
