/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/infer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/progress.h"

/*
 * Conversations are admitted in input order to a window of jobs, several at a time are answered in
 * slots of the key/value cache (a finished one's slot is taken by the next), and leave the window
 * in input order.  An answer depends on its own conversation, the seed and the id only.
 */
struct job {
	struct fc_conversation c;
	struct fc_rng rng;
	bool done;
};

struct slot {
	struct job *job;   /* NULL: free */
	size_t turn;       /* message being answered; the answer goes behind it */
	uint32_t *pending; /* tokens to run in the next pass */
	size_t n_pending, cap_pending;
	uint32_t *answer;
	size_t n_answer, cap_answer;
	size_t n_room; /* tokens the answer may have */
};

struct generator {
	struct session *s;
	struct fc_kvcache *cache;
	struct slot *slot; /* [n_slot] */
	size_t n_slot;
	struct job *job; /* ring [n_job], next_out <= next_in */
	size_t n_job;
	uint64_t next_in, next_out;
	bool input_ended;
	uint32_t *stop;
	size_t n_stop, cap_stop;
	uint64_t n_answer;
	uint64_t n_cut; /* answers that ran into the limit */
	struct fc_out *out;
	struct fc_buf line;
	float *x, *logits;
	struct fc_example scratch;
};

static void add_stop(struct generator *g, uint32_t id)
{
	if (id == FC_NO_TOKEN)
		return;
	FC_GROW(g->stop, g->cap_stop, g->n_stop + 1);
	g->stop[g->n_stop++] = id;
}

/* eos_token_id is a number or a list of them, in config.json or generation_config.json. */
static void add_stops_of(struct generator *g, const json_t *config)
{
	json_t *v = json_object_get(config, "eos_token_id"), *item;
	size_t i;
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		add_stop(g, (uint32_t)json_integer_value(v));
	json_array_foreach(v, i, item) if (json_is_integer(item) && json_integer_value(item) >= 0)
	    add_stop(g, (uint32_t)json_integer_value(item));
}

static int find_stops(struct generator *g, struct fc_err *e)
{
	add_stop(g, g->s->turn_end);
	add_stop(g, fc_tokenizer_eos(g->s->tokenizer));
	add_stops_of(g, g->s->model->cfg.json);
	char *path = fc_path_join(g->s->opt->model, "generation_config.json");
	int ret = 0;
	if (fc_file_exists(path)) {
		json_t *config = fc_json_file(path, e);
		if (config)
			add_stops_of(g, config);
		else
			ret = -1;
		json_decref(config);
	}
	free(path);
	return ret;
}

static bool is_stop(const struct generator *g, uint32_t id)
{
	for (size_t i = 0; i < g->n_stop; i++)
		if (g->stop[i] == id)
			return true;
	return false;
}

/* The first user message from i on that no assistant message follows; n_message if there is none.
 */
static size_t open_turn(const struct fc_conversation *c, size_t i)
{
	for (; i < c->n_message; i++)
		if (c->message[i].role == FC_ROLE_USER &&
		    (i + 1 == c->n_message || c->message[i + 1].role != FC_ROLE_ASSISTANT))
			break;
	return i;
}

/* Renders the conversation up to the open turn and makes it the slot's pending tokens. */
static int start_turn(struct generator *g, size_t i_slot, struct fc_err *e)
{
	struct slot *slot = &g->slot[i_slot];
	struct fc_conversation head = slot->job->c;
	struct fc_rendered r = {0};
	struct fc_err why;
	int ret = -1;
	head.n_message = slot->turn + 1;
	fc_example_clear(&g->scratch);
	if (fc_chat_render(g->s->chat, &head, true, &r, &why) < 0 ||
	    fc_rendered_encode(&r, g->s->tokenizer, g->s->turn_end, &g->scratch, &why) < 0) {
		fc_fail(e, "conversation %s: %s", head.id, why.msg);
		goto out;
	}
	size_t n = g->scratch.n_tok;
	if (!n) {
		fc_fail(e, "conversation %s: the prompt has no tokens", head.id);
		goto out;
	}
	if (n >= g->s->max_length) {
		fc_fail(e,
		    "conversation %s: the prompt has %zu tokens, the limit is %zu with the answer",
		    head.id, n, g->s->max_length);
		goto out;
	}
	FC_GROW(slot->pending, slot->cap_pending, n);
	memcpy(slot->pending, g->scratch.tok, n * sizeof *slot->pending);
	slot->n_pending = n;
	slot->n_answer = 0;
	slot->n_room = g->s->max_length - n;
	if (slot->n_room > (size_t)g->s->opt->max_new)
		slot->n_room = (size_t)g->s->opt->max_new;
	fc_kvcache_clear(g->cache, i_slot);
	ret = 0;
out:
	fc_rendered_release(&r);
	return ret;
}

/* Goes on to the slot's next open turn, or frees the slot. */
static int next_turn(struct generator *g, size_t i_slot, size_t from, struct fc_err *e)
{
	struct slot *slot = &g->slot[i_slot];
	slot->turn = open_turn(&slot->job->c, from);
	if (slot->turn < slot->job->c.n_message)
		return start_turn(g, i_slot, e);
	slot->job->done = true;
	slot->job = NULL;
	return 0;
}

static int admit(struct generator *g, struct fc_err *e)
{
	for (size_t i = 0; i < g->n_slot; i++) {
		while (!g->slot[i].job && !g->input_ended && g->next_in - g->next_out < g->n_job) {
			struct job *job = &g->job[g->next_in % g->n_job];
			int got = fc_conversations_next(g->s->input, &job->c, e);
			if (got < 0)
				return -1;
			if (got == 0) {
				g->input_ended = true;
				break;
			}
			g->next_in++;
			job->done = false;
			fc_rng_seed2(
			    &job->rng, g->s->opt->seed, fc_hash(job->c.id, strlen(job->c.id), 0));
			g->slot[i].job = job;
			if (next_turn(g, i, 0, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* The answer as a message behind the turn, white space at its ends removed. */
static void insert_answer(struct generator *g, struct slot *slot)
{
	struct fc_conversation *c = &slot->job->c;
	struct fc_buf text = FC_BUF_INIT;
	fc_tokenizer_decode(g->s->tokenizer, slot->answer, slot->n_answer, true, &text);
	size_t start = 0, n = text.n;
	while (start < n && strchr(" \t\r\n", text.p[start]) && text.p[start])
		start++;
	while (n > start && strchr(" \t\r\n", text.p[n - 1]) && text.p[n - 1])
		n--;
	c->message = fc_realloc(c->message, c->n_message + 1, sizeof *c->message);
	struct fc_message *at = c->message + slot->turn + 1;
	memmove(at + 1, at, (c->n_message - slot->turn - 1) * sizeof *at);
	*at = (struct fc_message){
	    FC_ROLE_ASSISTANT, fc_memdup0(text.p ? text.p + start : "", n - start), n - start};
	c->n_message++;
	fc_buf_release(&text);
}

static int take_token(struct generator *g, size_t i_slot, uint32_t id, struct fc_err *e)
{
	struct slot *slot = &g->slot[i_slot];
	bool stop = is_stop(g, id);
	if (!stop) {
		FC_GROW(slot->answer, slot->cap_answer, slot->n_answer + 1);
		slot->answer[slot->n_answer++] = id;
		if (slot->n_answer < slot->n_room) {
			slot->pending[0] = id;
			slot->n_pending = 1;
			return 0;
		}
		g->n_cut++;
	}
	insert_answer(g, slot);
	g->n_answer++;
	return next_turn(g, i_slot, slot->turn + 2, e);
}

/* One pass over the pending tokens of as many slots as batch_tokens allows, at least one. */
static int step(struct generator *g, struct fc_err *e)
{
	size_t n_seq = 0, n = 0, C = g->s->model->cfg.n_embd;
	size_t *off = FC_ARRAY(size_t, g->n_slot + 1), *which = FC_ARRAY(size_t, g->n_slot);
	uint32_t *tok = NULL;
	size_t cap_tok = 0;
	int ret = -1;
	for (size_t i = 0; i < g->n_slot; i++) {
		struct slot *slot = &g->slot[i];
		if (!slot->job || (n_seq && n + slot->n_pending > (size_t)g->s->opt->batch_tokens))
			continue;
		FC_GROW(tok, cap_tok, n + slot->n_pending);
		memcpy(tok + n, slot->pending, slot->n_pending * sizeof *tok);
		n += slot->n_pending;
		which[n_seq++] = i;
		off[n_seq] = n;
	}
	struct fc_batch b = {.tok = tok, .off = off, .n_seq = n_seq};
	if (fc_kvcache_forward(g->s->nn, g->s->model, g->cache, &b, which, g->x, e) < 0)
		goto out;
	struct fc_head head = fc_model_head(g->s->model, g->s->n_vocab);
	for (size_t r = 0; r < n_seq; r++) {
		/* one row at a time: an answer must not depend on what else is in the batch */
		fc_head_logits(g->s->nn, &head, g->x + r * C, 1, g->logits);
		struct job *job = g->slot[which[r]].job;
		uint32_t id = fc_sample(g->logits, g->s->n_vocab, &g->s->opt->sampling, &job->rng);
		if (id == FC_NO_TOKEN) {
			fc_fail(e, "%s: the model gives no finite logits (NaN or infinity)",
			    g->s->opt->model);
			goto out;
		}
		if (take_token(g, which[r], id, e) < 0)
			goto out;
	}
	ret = 0;
out:
	free(off);
	free(which);
	free(tok);
	return ret;
}

static int write_done(struct generator *g, struct fc_err *e)
{
	while (g->next_out < g->next_in && g->job[g->next_out % g->n_job].done) {
		fc_buf_clear(&g->line);
		fc_conversation_write(&g->line, &g->job[g->next_out % g->n_job].c);
		if (fc_out_write(g->out, g->line.p, g->line.n, e) < 0)
			return -1;
		g->next_out++;
	}
	fc_progress_set(g->next_out, NULL);
	return 0;
}

static bool busy(const struct generator *g)
{
	for (size_t i = 0; i < g->n_slot; i++)
		if (g->slot[i].job)
			return true;
	return false;
}

static void generator_release(struct generator *g)
{
	for (size_t i = 0; i < g->n_slot; i++) {
		free(g->slot[i].pending);
		free(g->slot[i].answer);
	}
	for (size_t i = 0; i < g->n_job; i++)
		fc_conversation_release(&g->job[i].c);
	fc_kvcache_free(g->cache);
	fc_example_release(&g->scratch);
	fc_buf_release(&g->line);
	fc_out_abort(g->out);
	free(g->slot);
	free(g->job);
	free(g->stop);
	free(g->x);
	free(g->logits);
}

int infer_generate(struct session *s, struct fc_err *e)
{
	struct generator g = {.s = s, .n_slot = (size_t)s->opt->n_slot};
	int ret = -1;
	g.n_job = 4 * g.n_slot;
	g.slot = FC_ARRAY(struct slot, g.n_slot);
	g.job = FC_ARRAY(struct job, g.n_job);
	g.cache = fc_kvcache_new(s->model, g.n_slot, s->max_length);
	g.x = FC_ARRAY(float, g.n_slot * s->model->cfg.n_embd);
	g.logits = FC_ARRAY(float, s->model->cfg.n_vocab);
	fc_example_init(&g.scratch);
	if (find_stops(&g, e) < 0 || fc_out_open(&g.out, s->opt->output, false, e) < 0)
		goto out;
	fc_progress_start("conversations", 0);
	for (;;) {
		if (admit(&g, e) < 0 || write_done(&g, e) < 0)
			goto out;
		if (!busy(&g)) {
			if (g.input_ended)
				break;
			continue;
		}
		if (step(&g, e) < 0)
			goto out;
	}
	fc_progress_end();
	if (!g.n_answer && g.next_in)
		fc_warn("every user message has an answer already: nothing was generated");
	if (g.n_cut)
		fc_warn("%" PRIu64 " answers were cut at the limit of tokens", g.n_cut);
	ret = fc_out_commit(g.out, e);
	g.out = NULL;
out:
	generator_release(&g);
	return ret;
}
