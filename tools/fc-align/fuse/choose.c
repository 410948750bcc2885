/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/choose.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Rows [first, end) of a candidate. */
struct part {
	size_t first, end;
};

static void take_part(const struct fc_example *from, struct part part, size_t top_k,
    struct fc_example *out, double *share)
{
	for (size_t r = part.first; r < part.end; r++) {
		size_t off = from->row_off[r], n = from->row_off[r + 1] - off;
		uint32_t t = from->row_tok[r];
		fc_example_add_row(out, t, n < top_k ? n : top_k, from->entry_id + off,
		    from->entry_logprob + off, from->true_logprob[r]);
		++*share;
		if (!fc_example_trained(out, t)) /* a row of fc-infer --all-rows, at no label */
			continue;
		out->nll -= from->true_logprob[r];
		out->n_label++;
		out->label_bytes += out->end[t] - fc_example_start(out, t);
	}
}

static double ce_of(const struct fc_example *x, struct part part, enum align_ce_unit unit)
{
	double nll = 0, n = 0;
	for (size_t r = part.first; r < part.end; r++) {
		uint32_t t = x->row_tok[r];
		nll -= x->true_logprob[r];
		n += unit == ALIGN_CE_BYTE ? x->end[t] - fc_example_start(x, t) : 1;
	}
	return part.end > part.first ? nll / n : NAN;
}

/* The token after the turn of trained tokens that begins at t. */
static uint32_t turn_end(const struct fc_example *x, uint32_t t)
{
	while (t < x->n_tok && fc_example_trained(x, t) &&
	    FC_TOK_PART(x->flags[t]) != FC_PART_TURN_END)
		t++;
	return t < x->n_tok && fc_example_trained(x, t) ? t + 1 : t;
}

static void choose_parts(const struct fc_example *const *candidate, size_t n, bool by_turn,
    enum align_ce_unit unit, size_t top_k, struct fc_example *out, double *share)
{
	struct part *part = FC_ARRAY(struct part, n);
	double *ce = FC_ARRAY(double, n), sum = 0;
	out->nll = 0;
	out->n_label = out->label_bytes = 0;
	for (size_t i = 0; i < n; i++)
		share[i] = 0;
	for (uint32_t t = 1, end; t < out->n_tok; t = end) {
		end = by_turn && fc_example_trained(out, t) ? turn_end(out, t) : t + 1;
		for (size_t i = 0; i < n; i++) {
			const struct fc_example *x = candidate[i];
			part[i].first = part[i].end;
			while (part[i].end < x->n_row && x->row_tok[part[i].end] < end)
				part[i].end++;
			ce[i] = ce_of(x, part[i], unit);
		}
		size_t best = align_mixture_least(ce, n);
		take_part(candidate[best], part[best], top_k, out, &share[best]);
	}
	for (size_t i = 0; i < n; i++)
		sum += share[i];
	for (size_t i = 0; i < n && sum > 0; i++)
		share[i] /= sum;
	free(part);
	free(ce);
}

void align_choose_turns(const struct fc_example *const *candidate, size_t n,
    enum align_ce_unit unit, size_t top_k, struct fc_example *out, double *share)
{
	choose_parts(candidate, n, true, unit, top_k, out, share);
}

void align_choose_tokens(const struct fc_example *const *candidate, size_t n, size_t top_k,
    struct fc_example *out, double *share)
{
	choose_parts(candidate, n, false, ALIGN_CE_TOKEN, top_k, out, share);
}
