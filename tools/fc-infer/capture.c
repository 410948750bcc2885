/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-infer/kept_rows.h"
#include "fc-infer/windows.h"

#define EXAMPLES_MAX 1024 /* of a batch: bounds it also when conversations are empty */

/* Conversations, each in one window or several, and the rows wanted of them. */
struct batch {
	struct fc_example *example; /* [EXAMPLES_MAX + 1], memory reused */
	size_t n;
	bool has_next;      /* example[n] was read, and had no room in this batch */
	size_t *window_end; /* [n] example i's windows end at, and the next one's begin */
	struct windows windows;
	/* windows run together through one forward pass */
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

static void batch_init(struct batch *b)
{
	memset(b, 0, sizeof *b);
	b->example = FC_ARRAY(struct fc_example, EXAMPLES_MAX + 1);
	b->window_end = FC_ARRAY(size_t, EXAMPLES_MAX);
	for (size_t i = 0; i <= EXAMPLES_MAX; i++)
		fc_example_init(&b->example[i]);
}

static void batch_release(struct fc_nn *nn, struct batch *b)
{
	for (size_t i = 0; i <= EXAMPLES_MAX; i++)
		fc_example_release(&b->example[i]);
	free(b->example);
	free(b->window_end);
	free(b->windows.v);
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

static void add_windows(
    const struct session *s, struct batch *b, const struct fc_example *x, struct long_count *n_long)
{
	static const enum window_rule rules[LONG_N] = {[LONG_ROLLING] = WINDOW_ROLLING,
	    [LONG_STRIDED] = WINDOW_STRIDED,
	    [LONG_CHUNKS] = WINDOW_CHUNKS};
	const size_t stride = (size_t)s->opt->stride, first = b->windows.n;
	size_t scored = 1;
	if (s->opt->long_rule < LONG_ROLLING || x->n_tok <= s->max_length) {
		infer_windows_add_whole(&b->windows, x->n_tok);
		return;
	}
	infer_windows_add(&b->windows, rules[s->opt->long_rule], x->n_tok, s->max_length,
	    stride && stride < s->max_length ? stride : s->max_length);
	for (size_t i = first; i < b->windows.n; i++)
		scored += b->windows.v[i].last - b->windows.v[i].first;
	n_long->n_unscored += x->n_tok - scored;
}

/* The example that had no room in the batch before is the first of this one. */
static void take_next(struct batch *b)
{
	const struct fc_example first = b->example[0];
	b->example[0] = b->example[b->n];
	b->example[b->n] = first;
	b->has_next = false;
}

/* As many conversations as a pass has tokens, at least one.  1: there is a batch, 0: end of input,
 * -1: error */
static int batch_read(
    struct session *s, struct batch *b, struct long_count *n_long, struct fc_err *e)
{
	size_t n_tok = 0;
	const bool ready = b->has_next;
	if (ready)
		take_next(b);
	b->n = b->windows.n = 0;
	while (b->n < EXAMPLES_MAX) {
		struct fc_example *x = &b->example[b->n];
		const int got = ready && !b->n ? 1 : infer_session_next(s, x, n_long, e);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		b->has_next = b->n && n_tok + x->n_tok > infer_batch_tokens(s->opt);
		if (b->has_next)
			break;
		n_tok += x->n_tok;
		add_windows(s, b, x, n_long);
		b->window_end[b->n++] = b->windows.n;
	}
	return b->n > 0;
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
	const struct windows *w = &b->windows;
	size_t n = 0;
	p->first = p->end;
	for (; p->end < w->n; p->end++) {
		const size_t more = w->v[p->end].end - w->v[p->end].begin;
		if (p->end > p->first && n + more > infer_batch_tokens(s->opt))
			break;
		n += more;
	}
	while (p->example < b->n && b->window_end[p->example] <= p->first)
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
		const struct window *w = &b->windows.v[i];
		while (b->window_end[ex] <= i)
			ex++;
		const size_t at = b->off[i - p->first], n = w->end - w->begin;
		FC_GROW(b->tok, b->cap_tok, at + n);
		if (n)
			memcpy(b->tok + at, b->example[ex].tok + w->begin, n * sizeof *b->tok);
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
		const struct window *w = &b->windows.v[i];
		while (b->window_end[ex] <= i)
			ex++;
		const struct fc_example *x = &b->example[ex];
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
		const struct window *w = &b->windows.v[i];
		while (b->window_end[ex] <= i)
			ex++;
		struct fc_example *x = &b->example[ex];
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

/* Room for n floats; what was there is lost. */
static void reserve_states(struct fc_nn *nn, float **x, size_t *cap, size_t n)
{
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
	reserve_states(s->nn, &b->wanted, &b->cap_wanted, n_row * C);
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
	reserve_states(s->nn, &b->x, &b->cap_x, N * s->model->cfg.n_embd);
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
	struct batch b;
	const size_t asked = (size_t)s->opt->max_length, most = infer_batch_tokens(s->opt);
	const size_t N = asked > most ? asked : most;
	size_t n_seq = 0, n_row = 0;
	batch_init(&b);
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

/* Computes the rows of a batch and writes it, but for the first n_skip examples. */
static int batch_write(
    struct session *s, struct batch *b, size_t n_skip, struct fc_writer *w, struct fc_err *e)
{
	/* a batch that is there in part is computed as a whole, since that decides the last bits */
	if (n_skip < b->n && batch_run(s, b, e) < 0)
		return -1;
	for (size_t i = n_skip; i < b->n; i++)
		if (fc_writer_example(w, &b->example[i], e) < 0)
			return -1;
	return 0;
}

int infer_capture(struct session *s, struct fc_err *e)
{
	struct kept_rows k;
	struct batch b;
	struct long_count n_long = {0};
	uint64_t n_tok = 0;
	size_t n_skip;
	int ret = -1, got;
	batch_init(&b);
	if (infer_kept_open(&k, s, FC_KIND_DISTS, e) < 0)
		goto out;
	fc_nn_rows_alike(s->nn, true);
	start_progress(s);
	while ((got = batch_read(s, &b, &n_long, e)) == 1) {
		if (infer_kept_skip(&k, b.example, b.n, &n_skip, e) < 0 ||
		    batch_write(s, &b, n_skip, k.writer, e) < 0)
			goto out;
		if (n_skip == b.n) { /* no work was done: rate and time left are of what is */
			start_progress(s);
			continue;
		}
		for (size_t i = 0; i < b.n; i++)
			n_tok += b.example[i].n_tok;
		infer_session_progress(s, n_tok);
	}
	fc_progress_end();
	if (got < 0 || infer_session_tell(s, e) < 0)
		goto out;
	tell_long(&n_long);
	ret = infer_kept_finish(&k, e);
out:
	infer_kept_abort(&k);
	batch_release(s->nn, &b);
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
