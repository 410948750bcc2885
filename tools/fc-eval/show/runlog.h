/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_RUNLOG_H
#define FC_EVAL_RUNLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What fc-train --log has written of a training. */
struct eval_runlog_point {
	double step, tokens;
	double v[2]; /* of a step: loss, learning rate; of an evaluation: loss; NaN: none */
};
struct eval_runlog {
	const char *name; /* last part of its path, borrowed */
	struct eval_runlog_point *step, *eval;
	size_t n_step, n_eval, cap_step, cap_eval;
	double kept;        /* the step whose weights are the result, NaN: it does not say */
	size_t n_again;     /* steps and evaluations that a later line does again: left out */
	double last_tokens; /* where the reading stands */
};
int eval_runlog_read(struct eval_runlog *r, const char *path, struct fc_err *e);
void eval_runlog_release(struct eval_runlog *r);
/* Does the file begin as such a log does?  false also where it is no regular file. */
bool eval_runlog_is(const char *path);

#endif
