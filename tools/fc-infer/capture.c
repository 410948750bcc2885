/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"

#define EXAMPLES_MAX 1024 /* of a batch: bounds it also when conversations are empty */

/* Conversations run together through one forward pass, and the rows wanted of them. */
struct batch {
	struct fc_example *example; /* [EXAMPLES_MAX], memory reused */
	size_t n;
	size_t *off;   /* [n + 1] token offsets */
	uint32_t *tok; /* [off[n]] */
	size_t cap_tok;
	float *x; /* [off[n], n_embd] */
	size_t cap_x;
	uint32_t *target; /* [n_row] */
	size_t cap_target;
	uint32_t *id;   /* [n_row, top_k] */
	float *logprob; /* [n_row, top_k] */
	size_t cap_id, cap_logprob;
	float *true_logprob;
	size_t cap_true;
};

static void batch_init(struct batch *b)
{
	memset(b, 0, sizeof *b);
	b->example = FC_ARRAY(struct fc_example, EXAMPLES_MAX);
	b->off = FC_ARRAY(size_t, EXAMPLES_MAX + 1);
	for (size_t i = 0; i < EXAMPLES_MAX; i++)
		fc_example_init(&b->example[i]);
}

static void batch_release(struct batch *b)
{
	for (size_t i = 0; i < EXAMPLES_MAX; i++)
		fc_example_release(&b->example[i]);
	free(b->example);
	free(b->off);
	free(b->tok);
	free(b->x);
	free(b->target);
	free(b->id);
	free(b->logprob);
	free(b->true_logprob);
}

/* 1: there is a batch, 0: end of input, -1: error */
static int batch_read(
    struct session *s, struct batch *b, struct long_count *n_long, struct fc_err *e)
{
	b->n = 0;
	b->off[0] = 0;
	while (b->n < EXAMPLES_MAX && b->off[b->n] < (size_t)s->opt->batch_tokens) {
		struct fc_example *x = &b->example[b->n];
		int got = session_next(s, x, n_long, e);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size_t at = b->off[b->n], end = at + x->n_tok;
		FC_GROW(b->tok, b->cap_tok, end);
		if (x->n_tok)
			memcpy(b->tok + at, x->tok, x->n_tok * sizeof *x->tok);
		b->off[++b->n] = end;
	}
	return b->n > 0;
}

static bool wants_row(const struct session *s, const struct fc_example *x, size_t t)
{
	return t > 0 && (s->opt->all_rows || fc_example_trained(x, t));
}

/* Moves the hidden states that predict a wanted token to the front of x; returns how many. */
static size_t gather_rows(const struct session *s, struct batch *b)
{
	size_t n = 0, C = s->model->cfg.n_embd;
	for (size_t i = 0; i < b->n; i++) {
		const struct fc_example *x = &b->example[i];
		for (size_t t = 1; t < x->n_tok; t++) {
			if (!wants_row(s, x, t))
				continue;
			FC_GROW(b->target, b->cap_target, n + 1);
			b->target[n] = x->tok[t];
			memmove(b->x + n * C, b->x + (b->off[i] + t - 1) * C, C * sizeof *b->x);
			n++;
		}
	}
	return n;
}

static void add_rows(const struct session *s, struct batch *b, size_t K)
{
	size_t r = 0;
	for (size_t i = 0; i < b->n; i++) {
		struct fc_example *x = &b->example[i];
		for (size_t t = 1; t < x->n_tok; t++) {
			if (!wants_row(s, x, t))
				continue;
			float lp = b->true_logprob[r];
			fc_example_add_row(
			    x, (uint32_t)t, K, b->id + r * K, b->logprob + r * K, lp);
			if (fc_example_trained(x, t)) {
				x->nll -= (double)lp;
				x->n_label++;
				x->label_bytes += x->end[t] - x->end[t - 1];
			}
			r++;
		}
	}
}

static int batch_run(struct session *s, struct batch *b, struct fc_err *e)
{
	size_t N = b->off[b->n], C = s->model->cfg.n_embd;
	size_t K = (size_t)s->opt->top_k < s->n_vocab ? (size_t)s->opt->top_k : s->n_vocab;
	struct fc_batch tokens = {.tok = b->tok, .off = b->off, .n_seq = b->n};
	FC_GROW(b->x, b->cap_x, N * C);
	if (N && fc_model_hidden(s->nn, s->model, &tokens, b->x, e) < 0)
		return -1;
	size_t n_row = gather_rows(s, b);
	FC_GROW(b->id, b->cap_id, n_row * K);
	FC_GROW(b->logprob, b->cap_logprob, n_row * K);
	FC_GROW(b->true_logprob, b->cap_true, n_row);
	struct fc_head head = fc_model_head(s->model, s->n_vocab);
	if (n_row)
		fc_head_topk(
		    s->nn, &head, b->x, b->target, n_row, K, b->id, b->logprob, b->true_logprob);
	for (size_t r = 0; r < n_row; r++)
		if (!(b->true_logprob[r] <= 0))
			return fc_fail(e, "%s: the model gives no finite logits (NaN or infinity)",
			    s->opt->model);
	add_rows(s, b, K);
	return 0;
}

static void tell_long(const struct long_count *n)
{
	if (n->n_cut)
		fc_warn(
		    "%" PRIu64 " conversations were longer than the limit and were cut", n->n_cut);
	if (n->n_skipped)
		fc_warn("%" PRIu64 " conversations were longer than the limit and were skipped",
		    n->n_skipped);
}

int infer_capture(struct session *s, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w = NULL;
	struct batch b;
	struct long_count n_long = {0, 0};
	uint64_t n_tok = 0;
	int ret = -1, got;
	batch_init(&b);
	session_header(s, &h, FC_KIND_DISTS);
	if (fc_writer_open(&w, s->opt->output, &h, e) < 0)
		goto out;
	fc_progress_start("tokens", 0);
	while ((got = batch_read(s, &b, &n_long, e)) == 1) {
		if (batch_run(s, &b, e) < 0)
			goto out;
		for (size_t i = 0; i < b.n; i++)
			if (fc_writer_example(w, &b.example[i], e) < 0)
				goto out;
		n_tok += b.off[b.n];
		fc_progress_set(n_tok, NULL);
	}
	fc_progress_end();
	if (got < 0)
		goto out;
	tell_long(&n_long);
	ret = fc_writer_finish(w, e);
	w = NULL;
out:
	fc_writer_abort(w);
	fc_header_release(&h);
	batch_release(&b);
	return ret;
}

int infer_tokens(struct session *s, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w = NULL;
	struct fc_example x;
	struct long_count n_long = {0, 0};
	int ret = -1, got;
	fc_example_init(&x);
	session_header(s, &h, FC_KIND_TOKENS);
	if (fc_writer_open(&w, s->opt->output, &h, e) < 0)
		goto out;
	while ((got = session_next(s, &x, &n_long, e)) == 1)
		if (fc_writer_example(w, &x, e) < 0)
			goto out;
	if (got < 0)
		goto out;
	tell_long(&n_long);
	ret = fc_writer_finish(w, e);
	w = NULL;
out:
	fc_writer_abort(w);
	fc_header_release(&h);
	fc_example_release(&x);
	return ret;
}
