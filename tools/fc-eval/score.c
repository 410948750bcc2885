/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/score.h"

struct fc_score fc_score_of(const struct fc_example *x, enum fc_score_from from)
{
	struct fc_score s = {.n_row = x->n_row};
	for (size_t t = 1; t < x->n_tok; t++)
		s.n_label += fc_example_trained(x, t);
	if (from == FC_SCORE_NLL) {
		s.nll = x->nll;
		s.n_token = x->n_label;
		s.n_byte = x->label_bytes;
		return s;
	}
	s.n_token = x->n_row;
	for (size_t r = 0; r < x->n_row; r++) {
		uint32_t t = x->row_tok[r];
		s.nll -= x->true_logprob[r];
		s.n_byte += x->end[t] - fc_example_start(x, t);
	}
	return s;
}

void fc_score_add(struct fc_score *sum, const struct fc_score *s)
{
	sum->nll += s->nll;
	sum->n_token += s->n_token;
	sum->n_byte += s->n_byte;
	sum->n_row += s->n_row;
	sum->n_label += s->n_label;
}
