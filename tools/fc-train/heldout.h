/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_HELDOUT_H
#define FC_TRAIN_HELDOUT_H

#include "fc-train/margins.h"

/* How well the model in training predicts the labels of a stream that it does not train on, or
 * tells its chosen from its rejected answers. */
struct train_heldout {
	const char *path;   /* a file: it is read at every evaluation */
	uint64_t tokenizer; /* fingerprint the stream must have */
	struct train_example_rule rule;
	size_t micro_tok;
	struct train_preference_opts preference; /* kind NONE: how well labels are predicted */
};
struct train_heldout_score {
	double nll; /* nats, over all labels */
	uint64_t n_label, n_correct, n_bytes;
	struct train_margins margins; /* of a stream of pairs, where the others are 0 */
};
/* alpha: WRPO's at this step. */
int train_heldout_score(const struct train_heldout *h, struct train_crew *crew, double alpha,
    struct train_heldout_score *score, struct fc_err *e);

#endif
