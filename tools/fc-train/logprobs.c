/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/logprobs.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void train_logprobs_add(const struct train_micro *m, const float *logprob, double *sum)
{
	size_t s = 0;
	for (size_t i = 0; i < m->targets.n; i++) {
		while (m->targets.row_pos[i] >= m->batch.off[s + 1])
			s++;
		sum[m->first + s] += (double)logprob[i];
	}
}

int train_logprobs_run(struct train_logprobs *l, struct fc_nn *nn, struct fc_params *p,
    const struct train_micro *m, struct fc_err *e)
{
	const struct fc_targets *t = &m->targets;
	const struct fc_head head = fc_model_head(&p->model);
	const size_t C = p->model.cfg.n_embd, N = m->batch.off[m->batch.n_seq];
	if (N > l->cap_x) {
		fc_nn_free(nn, l->x);
		fc_nn_free(nn, l->row);
		l->x = fc_nn_alloc_for(nn, FC_USE_STATES, N, C * sizeof *l->x);
		l->row = fc_nn_alloc_for(nn, FC_USE_STATES, N, C * sizeof *l->row);
		l->cap_x = N;
		l->nn = nn;
	}
	FC_GROW(l->logprob, l->cap_logprob, t->n);
	if (fc_model_hidden(nn, &p->model, &m->batch, l->x, e) < 0)
		return -1;
	fc_gather_rows(nn, l->row, l->x, t->row_pos, t->n, C);
	if (t->n)
		fc_head_topk(nn, &head, l->row, t->target, t->n, 0, NULL, NULL, l->logprob);
	return fc_nn_check(nn, e);
}

void train_logprobs_release(struct train_logprobs *l)
{
	if (l->nn) {
		fc_nn_free(l->nn, l->x);
		fc_nn_free(l->nn, l->row);
	}
	free(l->logprob);
	*l = (struct train_logprobs){0};
}
