/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_PREFERENCE_H
#define FC_TRAIN_PREFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Losses of a pair of answers to one prompt: y_w, chosen, and y_l, rejected.  p is the model in
 * training, r a reference that does not change, log p(y) the sum over the tokens of y.
 *
 * DPO (arXiv 2305.18290, eq. 7)   L = -log s(h),  h = b (R(y_w) - R(y_l)),  R = log p - log r
 *     b = 0.1, as in the paper and TRL.
 * LN-DPO (Tulu 3, arXiv 2411.15124; FuseChat-3.0)   R = log p / |y| - log r / |y|
 *     b = 10 (FuseChat-3.0's README).
 * WRPO (arXiv 2412.03187)   h = b (a R(y_ws) + (1 - a) R(y_w) - R(y_l))
 *     y_ws is the best answer of the sources, y_w and y_l the best and the worst of the model
 *     itself.  a rises linearly from 0 to 0.1 over the run, b = 0.01 (github.com/SLIT-AI/WRPO).
 * InfiFPO (arXiv 2505.13878, eq. 10 to 13)   as LN-DPO, with sources in place of r:
 *     each is divided by its own number of tokens, so that tokenizers may differ; clipped so that
 * it is no worse a reference than the model was at the start, i: max(r, i) for y_w and min(r, i)
 *     for y_l; and of several that one counts whose probability of a token (geometric mean over the
 *     answer) is farthest from p's.  b = 2.5.
 *     The paper's distance is that of probabilities, and does not say whether they are divided by
 *     the length as well; without that all distances of long answers are 0.
 *
 * With label smoothing c, a pair is taken to be the wrong way round with that probability:
 * L = -(1 - c) log s(h) - c log s(-h) (cDPO; in TRL's and WRPO's code).
 */
enum train_preference {
	TRAIN_PREFERENCE_NONE,
	TRAIN_PREFERENCE_DPO,
	TRAIN_PREFERENCE_LN_DPO,
	TRAIN_PREFERENCE_WRPO,
	TRAIN_PREFERENCE_INFIFPO,
	TRAIN_PREFERENCE_N
};

/* What several sources are together (InfiFPO). */
enum train_fusion {
	TRAIN_FUSION_MARGIN, /* the one that differs most */
	TRAIN_FUSION_MEAN,   /* the mean of their logarithms, each clipped */
	TRAIN_FUSION_N
};

struct train_preference_opts {
	enum train_preference kind;
	double beta, smoothing;
	double alpha; /* WRPO's a at the end of the run */
	enum train_fusion fusion;
};
/* beta as published for the kind. */
double train_preference_beta(enum train_preference kind);

/* A reference's log-probability of an answer, over its own number of tokens. */
struct train_reference {
	double logprob, n;
};

/* Answers of a pair, in this order. */
enum { TRAIN_CHOSEN, TRAIN_REJECTED, TRAIN_SOURCE, TRAIN_SIDES };
struct train_side {
	double logprob; /* of the model in training */
	double n;       /* tokens */
	/* [n_ref] the reference; InfiFPO: the model at the start, then at least one source */
	const struct train_reference *ref;
	size_t n_ref;
};

struct train_pair_loss {
	double loss;
	double slope[TRAIN_SIDES];  /* dL / d log p of each side */
	double reward[TRAIN_SIDES]; /* b R of each side, 0 where there is none */
	double chosen; /* reward compared with the rejected one's; WRPO: a weighted sum of two */
};
/* side[TRAIN_SOURCE] is read for WRPO only.  alpha: WRPO's at this step. */
struct train_pair_loss train_preference_loss(
    const struct train_preference_opts *o, const struct train_side side[TRAIN_SIDES], double alpha);

#endif
