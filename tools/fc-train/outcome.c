/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/outcome.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"

#define FEW 20 /* steps; AdamW's second moment has by then seen 2 % of its memory */

void train_losses_add(struct train_losses *l, double loss)
{
	FC_GROW(l->v, l->cap, l->n + 1);
	l->v[l->n++] = loss;
}

void train_losses_release(struct train_losses *l)
{
	free(l->v);
	*l = (struct train_losses){0};
}

size_t train_losses_ends(const struct train_losses *l, double *first, double *last)
{
	const size_t k = l->n < 10 ? l->n > 0 : l->n / 10;
	*first = *last = 0;
	for (size_t i = 0; i < k; i++) {
		*first += l->v[i] / (double)k;
		*last += l->v[l->n - 1 - i] / (double)k;
	}
	return k;
}

void train_losses_report(const struct train_losses *l, uint64_t n_tok, double seconds)
{
	double first, last;
	const size_t k = train_losses_ends(l, &first, &last);
	if (l->n == 0)
		return;
	if (l->n == 1)
		fc_note("1 step, %" PRIu64 " tokens (%.0f a second), loss %.4f", n_tok,
		    (double)n_tok / seconds, first);
	else if (k == 1)
		fc_note("%zu steps, %" PRIu64
			" tokens (%.0f a second), loss %.4f in the first step "
			"and %.4f in the last",
		    l->n, n_tok, (double)n_tok / seconds, first, last);
	else
		fc_note("%zu steps, %" PRIu64 " tokens (%.0f a second), mean loss of the first %zu "
			"steps %.4f, of the last %zu %.4f",
		    l->n, n_tok, (double)n_tok / seconds, k, first, k, last);
}

void train_warn_short(uint64_t n_step, bool about, int batch_tokens)
{
	if (n_step >= FEW)
		return;
	fc_warn("a run of %s%" PRIu64 " step%s changes a model little; a smaller --batch-tokens "
		"(%d now) or more --epochs makes more steps",
	    about ? "about " : "", n_step, n_step == 1 ? "" : "s", batch_tokens);
}
