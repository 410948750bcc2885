/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_LOGPROBS_H
#define FC_TRAIN_LOGPROBS_H

#include "fc-train/stepbatch.h"
#include "model/params.h"

/* Sums over the labels of each example of a batch, computed as fc-infer does, whose sums are the
 * references. */
struct train_logprobs { /* {0} is empty */
	double *sum;    /* [examples of the batch] log-probability under the model */
	size_t cap;
	struct train_micros micros; /* scratch, and what follows */
	struct train_micro micro;
	struct fc_nn *nn; /* where x and row are, [cap_x, C] each */
	float *x, *row, *logprob;
	size_t cap_x, cap_logprob;
};
int train_logprobs_compute(struct train_logprobs *l, struct fc_nn *nn, struct fc_params *p,
    const struct train_stepbatch *b, size_t max_tok, struct fc_err *e);
void train_logprobs_release(struct train_logprobs *l);

#endif
