/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_MIXFIT_H
#define FC_ALIGN_MIXFIT_H

#include <stddef.h>

/* How near to the optimum a fit ends, in nats a label. */
#define ALIGN_MIXFIT_TOLERANCE 1e-6

struct align_mixfit_end {
	/* The objective's mean is at most this far below its maximum: the proof that the fit ended
	 * with, not a guess from its last step. */
	double gap;
	size_t n_pass; /* over the labels */
};

/*
 * Weights w (at least 0, sum 1) of a mixture's m members that maximise
 *
 *     sum_i log sum_j w_j p_ij  +  prior * sum_j w0_j log w_j
 *
 * over n labels.  p: [n][m], what member j gives label i, each label's values times any factor of
 * its own; none of a label may be all 0.  w0: [m], weights whose pull is that of `prior` labels
 * more (a Dirichlet prior); NULL with prior 0.  n + prior > 0.
 *
 * By EM: r_ij = w_j p_ij / sum_k w_k p_ik, then w_j = (sum_i r_ij + prior w0_j) / (n + prior), with
 * steps made longer as long as the objective grows (adaptive overrelaxation; Salakhutdinov and
 * Roweis, ICML 2003).  The objective F is concave, so F(w*) - F(w) <= max_j dF/dw_j - sum_j w_j
 * dF/dw_j, which is (n + prior) (max_j h_j - 1) with h_j = (dF/dw_j) / (n + prior): the fit ends
 * where max_j h_j <= 1 + ALIGN_MIXFIT_TOLERANCE (the Kuhn-Tucker conditions; Cover 1984).  A weight
 * that can be 0 within that is 0.  Starts from equal weights: members that are alike share alike.
 */
struct align_mixfit_end align_mixfit(
    const float *p, size_t n, size_t m, double prior, const double *w0, double *w);

#endif
