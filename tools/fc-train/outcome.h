/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_OUTCOME_H
#define FC_TRAIN_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Losses of a run's steps.  One step's is that of a few conversations and says little: the first
 * and the last tenth are compared. */
struct train_losses { /* {0} is empty */
	double *v;
	size_t n, cap;
};
void train_losses_add(struct train_losses *l, double loss);
void train_losses_release(struct train_losses *l);
/* Means over the first and the last tenth of the steps, at least one each; returns how many steps
 * that is, 0 where there is none. */
size_t train_losses_ends(const struct train_losses *l, double *first, double *last);
/* The run's last line: steps, tokens, speed, how the loss went. */
void train_losses_report(const struct train_losses *l, uint64_t n_tok, double seconds);

/* Warns where a run of so many steps is too short to change a model. */
void train_warn_short(uint64_t n_step, bool about, int batch_tokens);

#endif
