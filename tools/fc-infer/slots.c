/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-infer/generate.h"

/*
 * A prompt is run by itself, in pieces of PREFILL tokens from its start; then every pass gives one
 * token to as many slots as a product takes without their company changing a bit of their rows
 * (fc_linear_few_rows).  So an answer has the same bits alone and in a batch.
 *
 * A slot takes its share of the key/value cache, prompt and longest answer, before its prompt is
 * run; where that is not free it waits until others have finished.
 */
enum { PREFILL = 512 };

enum state { FREE, WAITING, RUNNING };

struct slot {
	enum state state;
	struct task *task;
	uint32_t *prompt;
	size_t n_prompt, cap_prompt;
	uint32_t *answer;
	size_t n_answer, cap_answer;
	size_t n_room;  /* tokens the answer may have */
	uint32_t *seen; /* different tokens of prompt and answer, for the penalty */
	size_t n_seen, cap_seen;
	bool *is_seen; /* [n_vocab], or NULL without a penalty */
};

struct slots {
	struct session *s;
	const struct stops *stops;
	struct fc_kvcache *cache;
	size_t cache_tokens, cache_used; /* tokens that fit into the cache, that it holds */
	struct slot *slot;               /* [n_slot] */
	size_t n_slot, n_few;
	float *x;      /* [n_few, C] the device's */
	float *logits; /* [n_few, V'] */
	struct fc_example scratch;
	struct fc_buf text;
	struct slots_count count;
};

struct slots *infer_slots_new(struct session *s, const struct stops *st)
{
	struct slots *g = FC_NEW(struct slots);
	const size_t n_slot = (size_t)s->opt->n_slot, n_few = fc_linear_few_rows(s->nn);
	g->s = s;
	g->stops = st;
	g->n_slot = n_slot;
	g->n_few = n_few < n_slot ? n_few : n_slot;
	g->cache_tokens = ((size_t)s->opt->cache_mib << 20) / fc_kvcache_token_bytes(s->model);
	g->cache = fc_kvcache_new(s->nn, s->model, n_slot, s->max_length);
	g->slot = FC_ARRAY(struct slot, n_slot);
	for (size_t i = 0; i < n_slot && s->opt->penalty != 1; i++)
		g->slot[i].is_seen = FC_ARRAY(bool, s->n_vocab);
	g->x = fc_nn_alloc_for(s->nn, FC_USE_STATES, g->n_few, s->model->cfg.n_embd * sizeof *g->x);
	g->logits = FC_ARRAY(float, g->n_few * s->n_output);
	fc_example_init(&g->scratch);
	return g;
}

void infer_slots_free(struct slots *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_slot; i++) {
		free(g->slot[i].prompt);
		free(g->slot[i].answer);
		free(g->slot[i].seen);
		free(g->slot[i].is_seen);
	}
	fc_kvcache_free(g->cache);
	fc_example_release(&g->scratch);
	fc_buf_release(&g->text);
	free(g->slot);
	fc_nn_free(g->s->nn, g->x);
	free(g->logits);
	free(g);
}

const struct slots_count *infer_slots_counted(const struct slots *g)
{
	return &g->count;
}

/* Caches that are full, the longest pass of a prompt. */
int infer_slots_measure(struct session *s, struct fc_err *e)
{
	struct slots *g = infer_slots_new(s, NULL);
	const struct fc_config *c = &s->model->cfg;
	const bool again =
	    fc_ropespec_by_length(&c->rope) || fc_ropespec_by_length(&c->rope_sliding);
	const size_t longest = g->cache_tokens < s->max_length ? g->cache_tokens : s->max_length;
	const size_t n = again || longest < PREFILL ? longest : PREFILL, off[] = {0, n}, first = 0;
	uint32_t *tok = FC_ARRAY(uint32_t, n);
	int ret = 0;
	for (size_t i = 0, left = g->cache_tokens; i < g->n_slot; i++) {
		const size_t own = left < longest ? left : longest;
		fc_kvcache_reserve(g->cache, i, own);
		left -= own;
	}
	if (n)
		ret = fc_kvcache_forward(s->nn, s->model, g->cache,
		    &(struct fc_batch){.tok = tok, .off = off, .n_seq = 1}, &first, g->x, e);
	free(tok);
	infer_slots_free(g);
	return ret;
}

static void note_token(struct slot *slot, uint32_t id)
{
	if (!slot->is_seen || slot->is_seen[id])
		return;
	FC_GROW(slot->seen, slot->cap_seen, slot->n_seen + 1);
	slot->seen[slot->n_seen++] = id;
	slot->is_seen[id] = true;
}

/* Makes the prompt of the task's open turn; the slot waits for its share of the cache. */
static int start_turn(struct slots *g, struct slot *slot, struct fc_err *e)
{
	const struct session *s = g->s;
	int got = infer_turn_prompt(s, slot->task, &g->scratch, &g->count.over, e);
	if (got < 0)
		return -1;
	slot->task->skipped = got == 0;
	if (slot->task->skipped)
		return 0;
	slot->n_prompt = g->scratch.n_tok;
	FC_GROW(slot->prompt, slot->cap_prompt, slot->n_prompt);
	memcpy(slot->prompt, g->scratch.tok, slot->n_prompt * sizeof *slot->prompt);
	slot->n_answer = 0;
	slot->n_room = (size_t)infer_max_new(s->opt, slot->task->c.form);
	if (slot->n_room > s->max_length - slot->n_prompt)
		slot->n_room = s->max_length - slot->n_prompt;
	for (size_t i = 0; i < slot->n_seen; i++)
		slot->is_seen[slot->seen[i]] = false;
	slot->n_seen = 0;
	for (size_t i = 0; i < slot->n_prompt; i++)
		note_token(slot, slot->prompt[i]);
	slot->state = WAITING;
	return 0;
}

/* Goes on with the slot's task from message `from`, then with other tasks, until the slot has a
 * turn to answer or there is no task. */
static int next_turn(
    struct slots *g, struct slot *slot, size_t from, struct queue *q, struct fc_err *e)
{
	for (;; from = 0) {
		if (slot->task && infer_turn_find(slot->task, from)) {
			if (start_turn(g, slot, e) < 0)
				return -1;
			if (!slot->task->skipped)
				return 0;
		}
		if (slot->task && infer_queue_done(q, slot->task, e) < 0)
			return -1;
		int got = infer_queue_next(q, &slot->task, e);
		if (got <= 0) {
			slot->task = NULL;
			slot->state = FREE;
			return got;
		}
	}
}

/* Ends the answer and goes on. */
static int finish_answer(
    struct slots *g, size_t i, const char *why, struct queue *q, struct fc_err *e)
{
	struct slot *slot = &g->slot[i];
	infer_turn_answer(g->s, slot->task, g->stops, slot->prompt[slot->n_prompt - 1],
	    slot->answer, slot->n_answer, why);
	g->count.n_answer++;
	g->count.n_truncated += fc_finish_truncates(why);
	g->cache_used -= slot->n_prompt + slot->n_room;
	fc_kvcache_reserve(g->cache, i, 0);
	return next_turn(g, slot, slot->task->turn + 2, q, e);
}

/* Does the answer hold a stop string? */
static bool is_stopped(struct slots *g, const struct slot *slot)
{
	if (!g->stops->text->n)
		return false;
	fc_buf_clear(&g->text);
	fc_tokenizer_decode_on(g->s->tokenizer, slot->answer, slot->n_answer, true, &g->text);
	return infer_stops_find(g->stops, g->text.p, g->text.n) < g->text.n;
}

static int take_token(struct slots *g, size_t i, uint32_t id, struct queue *q, struct fc_err *e)
{
	struct slot *slot = &g->slot[i];
	if (infer_stops_is_token(g->stops, id))
		return finish_answer(g, i, "stop", q, e);
	FC_GROW(slot->answer, slot->cap_answer, slot->n_answer + 1);
	slot->answer[slot->n_answer++] = id;
	note_token(slot, id);
	if (is_stopped(g, slot))
		return finish_answer(g, i, "stop", q, e);
	if (slot->n_answer == slot->n_room)
		return finish_answer(g, i, "length", q, e);
	return 0;
}

/* Draws the next token of the slots i[n] whose hidden states are in g->x; never an id without a
 * token, in a gap of the tokenizer or beyond it. */
static int draw_next(struct slots *g, const size_t *i, size_t n, struct queue *q, struct fc_err *e)
{
	const struct session *s = g->s;
	const size_t V = s->n_output;
	const struct fc_head head = fc_model_head(s->model);
	uint32_t *id = FC_ARRAY(uint32_t, n);
	int ret = 0;
	fc_head_logits(s->nn, &head, g->x, n, g->logits);
	if (fc_nn_check(s->nn, e) < 0) {
		free(id);
		return -1;
	}
#pragma omp parallel for if (n > 1)
	for (size_t r = 0; r < n; r++) {
		struct slot *slot = &g->slot[i[r]];
		float *logits = g->logits + r * V;
		fc_sample_penalize(logits, slot->seen, slot->n_seen, s->opt->penalty);
		for (size_t k = 0; k < s->n_gap; k++)
			logits[s->gap[k]] = -INFINITY;
		id[r] = fc_sample(logits, s->n_vocab, &slot->task->sampling, &slot->task->rng);
	}
	for (size_t r = 0; r < n && ret == 0; r++)
		ret = id[r] == FC_NO_TOKEN
		    ? fc_fail(e, "%s: the model gives no finite logits (NaN or infinity)",
			  s->opt->model)
		    : take_token(g, i[r], id[r], q, e);
	free(id);
	return ret;
}

static int prefill_slot(struct slots *g, size_t i, struct queue *q, struct fc_err *e)
{
	const struct session *s = g->s;
	const size_t most = PREFILL;
	struct slot *slot = &g->slot[i];
	for (size_t at = 0; at < slot->n_prompt; at += most) {
		const size_t left = slot->n_prompt - at;
		const size_t off[] = {0, left < most ? left : most};
		const struct fc_batch b = {.tok = slot->prompt + at, .off = off, .n_seq = 1};
		if (fc_kvcache_forward(s->nn, s->model, g->cache, &b, &i, g->x, e) < 0)
			return -1;
	}
	return draw_next(g, &i, 1, q, e);
}

/* Runs the prompts of waiting slots for which the cache has room. */
static int start_waiting(struct slots *g, struct queue *q, struct fc_err *e)
{
	for (size_t i = 0; i < g->n_slot; i++) {
		struct slot *slot = &g->slot[i];
		if (slot->state == FREE && next_turn(g, slot, 0, q, e) < 0)
			return -1;
		const size_t need = slot->n_prompt + slot->n_room;
		if (slot->state != WAITING)
			continue;
		if (need > g->cache_tokens)
			return fc_fail(e,
			    "conversation %s needs a key/value cache of %zu tokens, "
			    "--cache-mib %d has room for %zu",
			    slot->task->c.id, need, g->s->opt->cache_mib, g->cache_tokens);
		if (need > g->cache_tokens - g->cache_used) {
			g->count.n_full++;
			continue;
		}
		g->cache_used += need;
		fc_kvcache_reserve(g->cache, i, need);
		slot->state = RUNNING;
		if (prefill_slot(g, i, q, e) < 0)
			return -1;
	}
	return 0;
}

/* One token more for the running slots from *next on, as many as fit a pass. */
static int decode_step(struct slots *g, size_t *next, struct queue *q, struct fc_err *e)
{
	const struct session *s = g->s;
	size_t *which = FC_ARRAY(size_t, g->n_few), *off = FC_ARRAY(size_t, g->n_few + 1), n = 0;
	uint32_t *tok = FC_ARRAY(uint32_t, g->n_few);
	int ret = 0;
	for (; *next < g->n_slot && n < g->n_few; ++*next) {
		const struct slot *slot = &g->slot[*next];
		if (slot->state != RUNNING)
			continue;
		tok[n] = slot->answer[slot->n_answer - 1];
		which[n++] = *next;
		off[n] = n;
	}
	if (n) {
		const struct fc_batch b = {.tok = tok, .off = off, .n_seq = n};
		ret = fc_kvcache_forward(s->nn, s->model, g->cache, &b, which, g->x, e);
		if (ret == 0)
			ret = draw_next(g, which, n, q, e);
	}
	free(which);
	free(off);
	free(tok);
	return ret;
}

int infer_slots_round(struct slots *g, struct queue *q, struct fc_err *e)
{
	if (start_waiting(g, q, e) < 0)
		return -1;
	for (size_t next = 0; next < g->n_slot;)
		if (decode_step(g, &next, q, e) < 0)
			return -1;
	for (size_t i = 0; i < g->n_slot; i++)
		if (g->slot[i].state != FREE)
			return 1;
	return !infer_queue_ended(q);
}
