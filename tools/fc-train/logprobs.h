/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_LOGPROBS_H
#define FC_TRAIN_LOGPROBS_H

#include "fc-train/stepbatch.h"

/* Log-probabilities of labels, computed as fc-infer does, whose sums are the references. */
struct train_logprobs { /* {0} is empty */
	float *logprob; /* of every target of the micro-batch */
	struct fc_nn *nn;
	float *x, *row; /* scratch on nn, [cap_x, C] each */
	size_t cap_x, cap_logprob;
};
int train_logprobs_run(struct train_logprobs *l, struct fc_nn *nn, struct fc_params *p,
    const struct train_micro *m, struct fc_err *e);
void train_logprobs_release(struct train_logprobs *l);
/* Adds those of a micro-batch to its examples': sum [examples of the step]. */
void train_logprobs_add(const struct train_micro *m, const float *logprob, double *sum);

#endif
