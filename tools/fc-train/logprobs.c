/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/logprobs.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* Adds what the labels of the micro-batch have to its examples. */
static void add_labels(struct train_logprobs *l)
{
	const struct train_micro *m = &l->micro;
	size_t s = 0;
	for (size_t i = 0; i < m->targets.n; i++) {
		while (m->targets.row_pos[i] >= m->batch.off[s + 1])
			s++;
		l->sum[m->first + s] += (double)l->logprob[i];
	}
}

static int run_micro(
    struct train_logprobs *l, struct fc_nn *nn, struct fc_params *p, struct fc_err *e)
{
	const struct fc_batch *b = &l->micro.batch;
	const struct fc_targets *t = &l->micro.targets;
	const struct fc_head head = fc_model_head(&p->model);
	const size_t C = p->model.cfg.n_embd;
	const size_t N = b->off[b->n_seq];
	if (N > l->cap_x) {
		fc_nn_free(nn, l->x);
		fc_nn_free(nn, l->row);
		l->x = fc_nn_alloc(nn, N, C * sizeof *l->x);
		l->row = fc_nn_alloc(nn, N, C * sizeof *l->row);
		l->cap_x = N;
		l->nn = nn;
	}
	FC_GROW(l->logprob, l->cap_logprob, t->n);
	if (fc_model_hidden(nn, &p->model, b, l->x, e) < 0)
		return -1;
	fc_gather_rows(nn, l->row, l->x, t->row_pos, t->n, C);
	if (t->n)
		fc_head_topk(nn, &head, l->row, t->target, t->n, 0, NULL, NULL, l->logprob);
	if (fc_nn_check(nn, e) < 0)
		return -1;
	add_labels(l);
	return 0;
}

int train_logprobs_compute(struct train_logprobs *l, struct fc_nn *nn, struct fc_params *p,
    const struct train_stepbatch *b, size_t max_tok, struct fc_err *e)
{
	static const struct train_weights alike = {.label = 1, .untaught = 1};
	FC_GROW(l->sum, l->cap, b->n);
	for (size_t i = 0; i < b->n; i++)
		l->sum[i] = 0;
	train_micros_cut(&l->micros, b, max_tok);
	for (size_t i = 0; i < l->micros.n; i++) {
		train_micro_pack(&l->micro, &l->micros, i, b, &alike);
		if (run_micro(l, nn, p, e) < 0)
			return -1;
	}
	return 0;
}

void train_logprobs_release(struct train_logprobs *l)
{
	free(l->sum);
	if (l->nn) {
		fc_nn_free(l->nn, l->x);
		fc_nn_free(l->nn, l->row);
	}
	free(l->logprob);
	train_micro_release(&l->micro);
	train_micros_release(&l->micros);
	*l = (struct train_logprobs){0};
}
