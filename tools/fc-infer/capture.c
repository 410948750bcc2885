/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-infer/kept_rows.h"
#include "fc-infer/windows.h"

#define EXAMPLES_MAX 1024 /* of a batch: bounds it also when conversations are empty */

/* Conversations that are computed together, each in one window or several. */
struct lot {
	struct fc_example *example; /* [EXAMPLES_MAX], memory reused */
	size_t n;
	size_t *window_end; /* [n] example i's windows end at, and the next one's begin */
	struct windows windows;
	size_t n_skip; /* those that are written already */
};

/* What the computing of a lot needs: windows run together through one forward pass, and the rows
 * wanted of them. */
struct batch {
	struct lot *lot;
	size_t *off; /* [windows of the pass + 1] token offsets */
	size_t cap_off;
	uint32_t *tok; /* [N] */
	size_t cap_tok;
	float *x, *wanted; /* [N, n_embd] [n_row, n_embd] the device's */
	size_t cap_x, cap_wanted;
	uint32_t *row; /* [n_row] of x */
	size_t cap_row;
	uint32_t *target; /* [n_row] */
	size_t cap_target;
	struct fc_rng *rng; /* [n_row] of the draws */
	size_t cap_rng;
	uint32_t *n_entry; /* [n_row] entries of a row that was drawn */
	size_t cap_n_entry;
	uint32_t *id;   /* [n_row, top_k] */
	float *logprob; /* [n_row, top_k] */
	size_t cap_id, cap_logprob;
	float *true_logprob;
	size_t cap_true;
};

static void lot_init(struct lot *l)
{
	*l = (struct lot){.example = FC_ARRAY(struct fc_example, EXAMPLES_MAX),
	    .window_end = FC_ARRAY(size_t, EXAMPLES_MAX)};
	for (size_t i = 0; i < EXAMPLES_MAX; i++)
		fc_example_init(&l->example[i]);
}

static void lot_release(struct lot *l)
{
	for (size_t i = 0; i < EXAMPLES_MAX; i++)
		fc_example_release(&l->example[i]);
	free(l->example);
	free(l->window_end);
	free(l->windows.v);
}

static void batch_release(struct fc_nn *nn, struct batch *b)
{
	free(b->off);
	free(b->tok);
	fc_nn_free(nn, b->x);
	fc_nn_free(nn, b->wanted);
	free(b->row);
	free(b->target);
	free(b->rng);
	free(b->n_entry);
	free(b->id);
	free(b->logprob);
	free(b->true_logprob);
}

/* What was read of the input and is of no lot yet: a conversation that had no room, or a fault,
 * which counts when the lot before it is written. */
struct ahead {
	struct fc_example x;
	bool has, failed;
	struct fc_err err;
};

static void add_windows(
    const struct session *s, struct lot *l, const struct fc_example *x, struct long_count *n_long)
{
	static const enum window_rule rules[LONG_N] = {[LONG_ROLLING] = WINDOW_ROLLING,
	    [LONG_STRIDED] = WINDOW_STRIDED,
	    [LONG_CHUNKS] = WINDOW_CHUNKS};
	const size_t stride = (size_t)s->opt->stride, first = l->windows.n;
	size_t scored = 1;
	if (s->opt->long_rule < LONG_ROLLING || x->n_tok <= s->max_length) {
		infer_windows_add_whole(&l->windows, x->n_tok);
		return;
	}
	infer_windows_add(&l->windows, rules[s->opt->long_rule], x->n_tok, s->max_length,
	    stride && stride < s->max_length ? stride : s->max_length);
	for (size_t i = first; i < l->windows.n; i++)
		scored += l->windows.v[i].last - l->windows.v[i].first;
	n_long->n_unscored += x->n_tok - scored;
}

/* As many conversations as a pass has tokens, at least one.  1: there are some, 0: end of input,
 * -1: error */
static int lot_read(
    struct session *s, struct lot *l, struct ahead *a, struct long_count *n_long, struct fc_err *e)
{
	size_t n_tok = 0;
	for (l->n = l->windows.n = l->n_skip = 0; l->n < EXAMPLES_MAX && !a->failed;) {
		struct fc_example *x = &l->example[l->n];
		const int got = a->has ? 1 : infer_session_next(s, x, n_long, &a->err);
		if (a->has) {
			const struct fc_example was = *x;
			*x = a->x;
			a->x = was;
		}
		a->failed = got < 0;
		if (got <= 0)
			break;
		a->has = l->n && n_tok + x->n_tok > infer_batch_tokens(s->opt);
		if (a->has) {
			const struct fc_example was = a->x;
			a->x = *x;
			*x = was;
			break;
		}
		n_tok += x->n_tok;
		add_windows(s, l, x, n_long);
		l->window_end[l->n++] = l->windows.n;
	}
	if (!l->n && a->failed)
		*e = a->err;
	return l->n ? 1 : a->failed ? -1 : 0;
}

static bool wants_row(const struct session *s, const struct fc_example *x, size_t t)
{
	return s->opt->all_rows || fc_example_trained(x, t);
}

/* Windows [first, end) of the batch, the example of the first of them, and their tokens. */
struct pass {
	size_t first, end, example;
};

/* The next pass after p has run: as many windows as have room in a pass, at least one. */
static bool next_pass(const struct session *s, struct batch *b, struct pass *p)
{
	const struct windows *w = &b->lot->windows;
	size_t n = 0;
	p->first = p->end;
	for (; p->end < w->n; p->end++) {
		const size_t more = w->v[p->end].end - w->v[p->end].begin;
		if (p->end > p->first && n + more > infer_batch_tokens(s->opt))
			break;
		n += more;
	}
	while (p->example < b->lot->n && b->lot->window_end[p->example] <= p->first)
		p->example++;
	return p->end > p->first;
}

/* Copies the tokens of the pass's windows. */
static void gather_tokens(const struct session *s, struct batch *b, const struct pass *p)
{
	const uint32_t bos =
	    fc_tokenizer_adds_bos(s->tokenizer) ? fc_tokenizer_bos(s->tokenizer) : FC_NO_TOKEN;
	FC_GROW(b->off, b->cap_off, p->end - p->first + 1);
	b->off[0] = 0;
	for (size_t i = p->first, ex = p->example; i < p->end; i++) {
		const struct window *w = &b->lot->windows.v[i];
		while (b->lot->window_end[ex] <= i)
			ex++;
		const size_t at = b->off[i - p->first], n = w->end - w->begin;
		FC_GROW(b->tok, b->cap_tok, at + n);
		if (n)
			memcpy(b->tok + at, b->lot->example[ex].tok + w->begin, n * sizeof *b->tok);
		if (n && w->bos && bos != FC_NO_TOKEN)
			b->tok[at] = bos;
		b->off[i - p->first + 1] = at + n;
	}
}

/* What a row's draws depend on, so that neither the other conversations nor their order matter: the
 * seed, the conversation, the token.  One generator is a row's only. */
static struct fc_rng rng_of(const struct session *s, const struct fc_example *x, size_t t)
{
	const uint64_t key = fc_hash(x->text.p, x->text.n, fc_hash(x->id.p, x->id.n, 0));
	struct fc_rng rng;
	fc_rng_seed2(&rng, s->opt->seed, key);
	fc_rng_seed2(&rng, fc_rng_u64(&rng), t);
	return rng;
}

/* Finds the hidden states that predict a wanted token; returns how many. */
static size_t find_rows(const struct session *s, struct batch *b, const struct pass *p)
{
	size_t n = 0;
	for (size_t i = p->first, ex = p->example; i < p->end; i++) {
		const struct window *w = &b->lot->windows.v[i];
		while (b->lot->window_end[ex] <= i)
			ex++;
		const struct fc_example *x = &b->lot->example[ex];
		for (size_t t = w->first; t < w->last; t++) {
			if (!wants_row(s, x, t))
				continue;
			FC_GROW(b->target, b->cap_target, n + 1);
			b->target[n] = x->tok[t];
			FC_GROW(b->rng, b->cap_rng, n + 1);
			if (s->opt->n_sample)
				b->rng[n] = rng_of(s, x, t);
			FC_GROW(b->row, b->cap_row, n + 1);
			b->row[n++] = (uint32_t)(b->off[i - p->first] + t - 1 - w->begin);
		}
	}
	return n;
}

static void add_rows(const struct session *s, struct batch *b, const struct pass *p, size_t K)
{
	size_t r = 0;
	for (size_t i = p->first, ex = p->example; i < p->end; i++) {
		const struct window *w = &b->lot->windows.v[i];
		while (b->lot->window_end[ex] <= i)
			ex++;
		struct fc_example *x = &b->lot->example[ex];
		for (size_t t = w->first; t < w->last; t++) {
			if (!wants_row(s, x, t))
				continue;
			float lp = b->true_logprob[r];
			fc_example_add_row(x, (uint32_t)t, s->opt->n_sample ? b->n_entry[r] : K,
			    b->id + r * K, b->logprob + r * K, lp);
			if (fc_example_trained(x, t)) {
				x->nll -= (double)lp;
				x->n_label++;
				x->label_bytes += x->end[t] - x->end[t - 1];
			}
			r++;
		}
	}
}

/* Tokens of the largest pass, but for a longer conversation. */
static size_t largest_pass(const struct session *s)
{
	const size_t asked = (size_t)s->opt->max_length, most = infer_batch_tokens(s->opt);
	return asked > most ? asked : most;
}

/* Room for the states of n tokens; what was there is lost. */
static void reserve_states(const struct session *s, float **x, size_t *cap, size_t n_tok)
{
	struct fc_nn *nn = s->nn;
	const size_t all = s->makes_room ? largest_pass(s) : 0;
	const size_t n = (n_tok > all ? n_tok : all) * s->model->cfg.n_embd;
	if (n <= *cap)
		return;
	fc_nn_free(nn, *x);
	*x = fc_nn_alloc_for(nn, FC_USE_STATES, n, sizeof **x);
	*cap = n;
}

/* From the hidden states in b->x. */
static void compute_rows(const struct session *s, struct batch *b, size_t n_row, size_t K)
{
	const struct fc_head head = fc_model_head(s->model);
	const struct fc_draws draws = infer_session_draws(s);
	const size_t C = s->model->cfg.n_embd;
	reserve_states(s, &b->wanted, &b->cap_wanted, n_row);
	fc_gather_rows(s->nn, b->wanted, b->x, b->row, n_row, C);
	FC_GROW(b->id, b->cap_id, n_row * K);
	FC_GROW(b->logprob, b->cap_logprob, n_row * K);
	FC_GROW(b->true_logprob, b->cap_true, n_row);
	FC_GROW(b->n_entry, b->cap_n_entry, n_row);
	if (draws.n)
		fc_head_draw(s->nn, &head, b->wanted, b->target, n_row, &draws, b->rng, b->n_entry,
		    b->id, b->logprob, b->true_logprob);
	else
		fc_head_topk(s->nn, &head, b->wanted, b->target, n_row, K, b->id, b->logprob,
		    b->true_logprob);
}

/* The rows b->row of the sequences in b->tok. */
static int run_tokens(
    struct session *s, struct batch *b, size_t n_seq, size_t n_row, struct fc_err *e)
{
	const size_t N = b->off[n_seq];
	const struct fc_batch tokens = {.tok = b->tok, .off = b->off, .n_seq = n_seq};
	reserve_states(s, &b->x, &b->cap_x, N);
	if (N && fc_model_hidden(s->nn, s->model, &tokens, b->x, e) < 0)
		return -1;
	if (n_row)
		compute_rows(s, b, n_row, infer_session_top_k(s));
	return fc_nn_check(s->nn, e);
}

static int pass_run(struct session *s, struct batch *b, const struct pass *p, struct fc_err *e)
{
	gather_tokens(s, b, p);
	const size_t n_row = find_rows(s, b, p);
	if (run_tokens(s, b, p->end - p->first, n_row, e) < 0)
		return -1;
	for (size_t r = 0; r < n_row; r++)
		if (!(b->true_logprob[r] <= 0))
			return fc_fail(e, "%s: the model gives no finite logits (NaN or infinity)",
			    s->opt->model);
	add_rows(s, b, p, infer_session_top_k(s));
	return 0;
}

/* A pass that is full, with rows everywhere. */
int infer_capture_measure(struct session *s, struct fc_err *e)
{
	struct batch b = {0};
	const size_t N = largest_pass(s);
	size_t n_seq = 0, n_row = 0;
	FC_GROW(b.tok, b.cap_tok, N);
	FC_GROW(b.row, b.cap_row, N);
	FC_GROW(b.target, b.cap_target, N);
	FC_GROW(b.rng, b.cap_rng, N);
	for (size_t at = 0; at < N; n_seq++) {
		const size_t n = N - at < s->max_length ? N - at : s->max_length;
		FC_GROW(b.off, b.cap_off, n_seq + 2);
		b.off[n_seq] = at;
		for (size_t t = 1; t < n; t++) {
			b.target[n_row] = 0;
			b.row[n_row++] = (uint32_t)(at + t - 1);
		}
		b.off[n_seq + 1] = at += n;
	}
	memset(b.tok, 0, N * sizeof *b.tok);
	fc_nn_rows_alike(s->nn, true);
	const int ret = run_tokens(s, &b, n_seq, n_row, e);
	batch_release(s->nn, &b);
	return ret;
}

static int batch_run(struct session *s, struct batch *b, struct fc_err *e)
{
	struct pass p = {0};
	while (next_pass(s, b, &p))
		if (pass_run(s, b, &p, e) < 0)
			return -1;
	return 0;
}

static void tell_long(const struct long_count *n)
{
	if (n->n_truncated)
		fc_warn("%" PRIu64 " conversations were longer than the limit and were truncated",
		    n->n_truncated);
	if (n->n_skipped)
		fc_warn("%" PRIu64 " conversations were longer than the limit and were skipped",
		    n->n_skipped);
	if (n->n_unscored)
		fc_warn("%" PRIu64 " tokens are in no window's scored part", n->n_unscored);
}

static void start_progress(const struct session *s)
{
	fc_progress_start("tokens", 0);
	infer_session_progress(s, 0);
}

static int lot_write(const struct lot *l, struct fc_writer *w, struct fc_err *e)
{
	for (size_t i = l->n_skip; i < l->n; i++)
		if (fc_writer_example(w, &l->example[i], e) < 0)
			return -1;
	return 0;
}

/*
 * A capture is a row of lots: each is read, computed, written.  While a device computes one the
 * processor would wait: there the lot before is written and the next one read by a thread beside
 * it.  The processor itself is busy then, and does one after the other.
 */
struct capture {
	struct session *s;
	struct kept_rows k;
	struct batch b;
	struct lot lot[2];
	struct ahead ahead;
	struct long_count n_long;
	uint64_t n_tok;
	bool beside;
	/* what the thread does */
	struct lot *write, *read; /* NULL: nothing is to be written */
	int wrote, got;
	struct fc_err err;
};

static void *write_and_read(void *arg)
{
	struct capture *c = arg;
	c->wrote = c->write ? lot_write(c->write, c->k.writer, &c->err) : 0;
	c->got = c->wrote < 0 ? -1 : lot_read(c->s, c->read, &c->ahead, &c->n_long, &c->err);
	return NULL;
}

/* A lot that is there in part is computed as a whole, since that decides the last bits. */
static int compute_lot(struct capture *c, struct lot *l, struct fc_err *e)
{
	c->b.lot = l;
	if (l->n_skip == l->n)
		return 0;
	if (batch_run(c->s, &c->b, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		c->n_tok += l->example[i].n_tok;
	return 0;
}

/* Computes l; what is left of the one before is written, and the other one is read. */
static int run_lot(struct capture *c, struct lot *l, struct fc_err *e)
{
	pthread_t thread;
	struct fc_err why;
	const bool beside = c->beside && pthread_create(&thread, NULL, write_and_read, c) == 0;
	if (c->beside && !beside)
		write_and_read(c);
	const int ret = compute_lot(c, l, &why);
	if (beside)
		pthread_join(thread, NULL);
	if (c->wrote < 0 || ret < 0) {
		*e = c->wrote < 0 ? c->err : why;
		return -1;
	}
	return 0;
}

/* Where a thread does it, the last lot that was computed is still to be written. */
static int write_last(struct capture *c, struct fc_err *e)
{
	return c->beside && c->write ? lot_write(c->write, c->k.writer, e) : 0;
}

/* 0, or -1: an error, before which all that was computed has been written. */
static int run_lots(struct capture *c, struct fc_err *e)
{
	struct fc_err later;
	int i = 0, ret = 0;
	c->got = lot_read(c->s, &c->lot[0], &c->ahead, &c->n_long, &c->err);
	for (; c->got == 1; i = !i) {
		struct lot *l = &c->lot[i];
		c->read = &c->lot[!i];
		ret = infer_kept_skip(&c->k, l->example, l->n, &l->n_skip, e);
		if (ret < 0)
			break;
		if (run_lot(c, l, e) < 0)
			return -1;
		c->write = l;
		if (l->n_skip == l->n) /* no work: rate and time left are of what is */
			start_progress(c->s);
		else
			infer_session_progress(c->s, c->n_tok);
		if (!c->beside)
			write_and_read(c);
	}
	if (ret == 0 && c->got < 0) {
		*e = c->err;
		ret = -1;
	}
	if (write_last(c, ret < 0 ? &later : e) < 0)
		ret = -1;
	return ret;
}

int infer_capture(struct session *s, struct fc_err *e)
{
	struct capture c = {.s = s, .beside = strcmp(fc_nn_device(s->nn), "cpu") != 0};
	int ret = -1;
	lot_init(&c.lot[0]);
	lot_init(&c.lot[1]);
	fc_example_init(&c.ahead.x);
	if (infer_kept_open(&c.k, s, FC_KIND_DISTS, e) < 0)
		goto out;
	fc_nn_rows_alike(s->nn, true);
	start_progress(s);
	const int got = run_lots(&c, e);
	fc_progress_end();
	if (got < 0 || infer_session_tell(s, e) < 0)
		goto out;
	tell_long(&c.n_long);
	ret = infer_kept_finish(&c.k, e);
out:
	infer_kept_abort(&c.k);
	batch_release(s->nn, &c.b);
	lot_release(&c.lot[0]);
	lot_release(&c.lot[1]);
	fc_example_release(&c.ahead.x);
	return ret;
}

int infer_tokens(struct session *s, struct fc_err *e)
{
	struct kept_rows k;
	struct fc_example x;
	struct long_count n_long = {0};
	uint64_t n_tok = 0;
	size_t n_skip;
	int ret = -1, got;
	fc_example_init(&x);
	if (infer_kept_open(&k, s, FC_KIND_TOKENS, e) < 0)
		goto out;
	start_progress(s);
	while ((got = infer_session_next(s, &x, &n_long, e)) == 1) {
		if (infer_kept_skip(&k, &x, 1, &n_skip, e) < 0 ||
		    (!n_skip && fc_writer_example(k.writer, &x, e) < 0))
			goto out;
		infer_session_progress(s, n_tok += x.n_tok);
	}
	fc_progress_end();
	if (got < 0 || infer_session_tell(s, e) < 0)
		goto out;
	tell_long(&n_long);
	ret = infer_kept_finish(&k, e);
out:
	infer_kept_abort(&k);
	fc_example_release(&x);
	return ret;
}
