/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CHOICES_H
#define FC_EVAL_CHOICES_H

#include "stream/example.h"

/*
 * The log-likelihoods of a task's choices, and what lm-evaluation-harness makes of them.  Of equal
 * choices the first counts as chosen.
 */
enum eval_mc {
	EVAL_MC_ACC,       /* the likeliest choice is right */
	EVAL_MC_ACC_NORM,  /* the choice likeliest per character is right */
	EVAL_MC_ACC_BYTES, /* the choice likeliest per byte is right */
	EVAL_MC_MUTUAL,    /* the choice that the context makes likelier by the most is right */
	EVAL_MC_EXACT,     /* greedy decoding writes the right choice */
	EVAL_MC_BRIER,     /* sum over choices of (softmax of log-likelihoods - is right)^2 */
	EVAL_MC_COUNT
};
struct eval_mc_choice {
	double ll, ll_alone; /* NaN: not given */
	double n_chars, n_bytes;
	int greedy; /* 1, 0; -1: not known */
};
/* NaN where a measure is not known. */
void eval_mc_measure(
    const struct eval_mc_choice *choice, size_t n, size_t gold, double out[EVAL_MC_COUNT]);

/* The log-likelihood of what is trained in the example, of its last answer if there are several;
 * NaN where nothing tells that of a part, as of tokens without a row in an average of models. */
double eval_mc_likelihood(const struct fc_example *x);

#endif
