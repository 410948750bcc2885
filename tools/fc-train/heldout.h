/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_HELDOUT_H
#define FC_TRAIN_HELDOUT_H

#include "fc-train/stepbatch.h"

/* How well the model in training predicts the labels of a stream that it does not train on. */
struct fc_heldout {
	const char *path;   /* a file: it is read at every evaluation */
	uint64_t tokenizer; /* fingerprint the stream must have */
	struct fc_sample_rule rule;
	size_t micro_tok;
};
struct fc_heldout_score {
	double nll; /* nats, over all labels */
	uint64_t n_label, n_correct, n_bytes;
};
int fc_heldout_score(const struct fc_heldout *h, struct fc_nn *nn, struct fc_params *p,
    struct fc_heldout_score *score, struct fc_err *e);

#endif
