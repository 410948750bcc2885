/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SURVIVAL_H
#define FC_TRAIN_SURVIVAL_H

#include <stdint.h>

#include "model/params.h"

/*
 * What saving in a narrower type leaves of what was trained.  d: change of a weight against the
 * pivot; s: the change that is saved, against the pivot in the type that is saved.
 */
struct train_survival {
	double change;                  /* sum of d^2 */
	double along;                   /* sum of d s */
	double error;                   /* sum of (s - d)^2 */
	uint64_t n_changed, n_survived; /* weights with d != 0; those of them with s != 0 */
};
int train_survival_measure(struct train_survival *m, const struct fc_params *p, const char *pivot,
    enum fc_dtype dtype, const struct fc_rounding *how, struct fc_err *e);

/* Share of the squared change that is there after saving: 1 - error / change, at least 0; of
 * stochastic rounding, which has errors that cancel, along / change. */
double train_survival_share(const struct train_survival *m, const struct fc_rounding *how);
/* Says it in a line, with a warning and what helps where too little is left. */
void train_survival_report(
    const struct train_survival *m, enum fc_dtype dtype, const struct fc_rounding *how);

#endif
