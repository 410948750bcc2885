/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_MIXTURE_H
#define FC_ALIGN_MIXTURE_H

#include "stream/example.h"

/*
 * fuse/: several streams over the same tokens become one. fuse is the command; mixture chooses or
 * averages a whole conversation's rows (MinCE, AvgCE, fitted weights), choose does it by turn or
 * token, besttable by category; fuse_report tells what each source contributed. verdict_fusion is
 * the command that says beforehand whether it can help: devset keeps what streams give a dev set's
 * labels, mixweights are weights of a mixture, which mixfit fits, gain is what they gain on text
 * they did not see. tablefile reads the tables that these commands wrote.
 */

/* Cross-entropy of one candidate over its labels; the units compare differently, see
 * fc-align(1).  NaN where there is no label. */
enum align_ce_unit { ALIGN_CE_BYTE, ALIGN_CE_TOKEN, ALIGN_CE_N };
double align_mixture_ce(const struct fc_example *x, enum align_ce_unit unit);

/* MinCE: the candidate with the least ce.  Ties go to the first, NaN never wins; all NaN: 0. */
size_t align_mixture_least(const double *ce, size_t n);

/* AvgCE (FuseLLM): w = softmax over 1 / exp(ce); NaN gets 0.  All NaN: equal weights. */
void align_mixture_weights(const double *ce, size_t n, double *w);

/* Averages rows of several candidates over the same tokens. */
struct align_mixture;
/*
 * ids are below n_output; n candidates at most; rows of the result keep the top_k likeliest.
 * with_true: a row of several candidates also has the true token, with the mean of what these give
 * it, known or not from their entries.
 */
struct align_mixture *align_mixture_new(size_t n_output, size_t n, size_t top_k, bool with_true);
void align_mixture_free(struct align_mixture *m);

/*
 * At every token where at least one candidate has a row: the mean of the candidates' probabilities,
 * weighted by w (sums to 1) and renormalised over those with a row there.  What a candidate does
 * not list counts as 0, so the tail holds at least the mean of the tails.  true_logprob is averaged
 * in the same way, and the cross-entropy of out follows from it over the trained tokens that have a
 * row.  out: has the tokens, no rows; gets the rows, nll, n_label and label_bytes.
 */
void align_mixture_example(struct align_mixture *m, const struct fc_example *const *candidate,
    size_t n, const double *w, struct fc_example *out);

/* Keeps the first top_k entries of every row, in place. */
void align_mixture_truncate(struct fc_example *x, size_t top_k);

#endif
