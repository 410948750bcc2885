/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_OWNANSWERS_H
#define FC_TRAIN_OWNANSWERS_H

#include "store/lineage.h"
#include "stream/example.h"

/*
 * On-policy training: a teacher's rows over answers that the trained model gave itself
 * (stream/policy.h).  Once it is trained its answers are those of another model, a round old.
 * Conversations that do not say who answered are people's, or chosen, and may always be trained on;
 * so may the labels alone of any.
 */
enum train_answers { TRAIN_ANSWERS_OWN, TRAIN_ANSWERS_ANY, TRAIN_ANSWERS_N };
struct train_ownanswers {
	const char *model;         /* what is trained, for messages; NULL: from scratch */
	struct fc_lineage lineage; /* what the trained model comes from */
	enum train_answers answers;
	int max_age; /* rounds */
	/* counts of one pass: */
	uint64_t n_own, n_older, n_other; /* conversations, by who answered */
};

/* Counts a conversation of the stream called name.  rows: a teacher's rows are trained on; then -1
 * where its answers may not be. */
int train_ownanswers_see(struct train_ownanswers *a, const struct fc_example *x, bool rows,
    const char *name, struct fc_err *e);
void train_ownanswers_tell(const struct train_ownanswers *a);
/* Writes into dir, which holds the trained weights, what they were trained from, where that will be
 * asked for. */
int train_ownanswers_save(const struct train_ownanswers *a, const char *dir, struct fc_err *e);

#endif
