/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CURVES_H
#define FC_EVAL_CURVES_H

#include "fc-eval/show/figure.h"
#include "fc-eval/show/runlog.h"

/* How trainings went: losses, and below them the learning rate, over steps or tokens. */
enum eval_curves_over { EVAL_CURVES_STEPS, EVAL_CURVES_TOKENS, EVAL_CURVES_N };
struct eval_curves {
	const char *title;
	const struct eval_runlog *log; /* [n], each in a colour of its own */
	size_t n;
	enum eval_curves_over over;
	size_t n_smooth; /* a point is the mean of so many steps, up to its own; 1: of itself */
};
void eval_curves_draw(struct eval_figure *f, const struct eval_curves *c);

#endif
