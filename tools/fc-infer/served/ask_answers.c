/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-infer/generate.h"
#include "fc-infer/served/served.h"

/*
 * --endpoint --generate: a server answers the open turns.  The queue hands out conversations and
 * writes them in the order of the input, as it does for a model that lies here.
 */
struct answerer {
	struct session session;
	struct queue *queue;
	struct task **task; /* [n] being asked about, by the number of its request; NULL: done */
	size_t n, cap;
	size_t *again; /* [n_again] numbers of tasks whose next turn is to be asked */
	size_t n_again, cap_again;
	uint64_t n_answer, n_truncated, n_failed;
	char first_failure[1024];
	bool failed;
	struct fc_err e;
};

/* The messages up to the open turn, with all their members. */
static json_t *messages_of(const struct task *t)
{
	struct fc_conversation head = t->c;
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	head.form = FC_FORM_MESSAGES;
	head.n_message = t->turn + 1;
	head.extra = NULL;
	fc_conversation_write(&b, &head);
	json_t *line = fc_json_text(b.p, b.n, "conversation", &e);
	json_t *messages = json_incref(json_object_get(line, "messages"));
	json_decref(line);
	fc_buf_release(&b);
	for (size_t i = 0; i < json_array_size(messages); i++)
		json_object_del(json_array_get(messages, i), "finish_reason"); /* ours */
	return messages;
}

static json_t *make_request(const struct session *s, const struct task *t)
{
	const struct infer_options *o = s->opt;
	const struct fc_sampling *p = &t->sampling;
	json_t *tools = json_object_get(t->c.extra, "tools");
	json_t *body = json_pack("{s:s, s:o, s:i, s:f, s:i}", "model", o->served_model, "messages",
	    messages_of(t), "max_tokens", infer_max_new(o, t->c.form), "temperature",
	    p->temperature, "n", 1);
	if (p->temperature > 0)
		json_object_set_new(
		    body, "seed", json_integer((json_int_t)(o->seed + (uint64_t)t->choice)));
	if (p->top_p < 1)
		json_object_set_new(body, "top_p", json_real(p->top_p));
	if (p->top_k > 0)
		json_object_set_new(body, "top_k", json_integer(p->top_k));
	if (p->min_p > 0)
		json_object_set_new(body, "min_p", json_real(p->min_p));
	if (o->penalty != 1)
		json_object_set_new(body, "repetition_penalty", json_real(o->penalty));
	json_t *stop = o->stop.n ? json_array() : NULL;
	for (int i = 0; i < o->stop.n; i++)
		json_array_append_new(stop, json_string(o->stop.v[i]));
	if (stop)
		json_object_set_new(body, "stop", stop);
	if (json_is_array(tools))
		json_object_set(body, "tools", tools);
	return body;
}

/* The next task with an open turn; those without one are done. */
static int next_task(struct answerer *a, struct task **t)
{
	int got;
	while ((got = infer_queue_next(a->queue, t, &a->e)) == 1 && !infer_turn_find(*t, 0))
		if (infer_queue_done(a->queue, *t, &a->e) < 0)
			return -1;
	return got;
}

static bool next_question(void *ctx /* struct answerer */, struct fc_http_request *r)
{
	struct answerer *a = ctx;
	struct task *t = NULL;
	size_t number;
	if (a->failed)
		return false;
	if (a->n_again) {
		number = a->again[--a->n_again];
	} else {
		const int got = next_task(a, &t);
		a->failed = got < 0;
		if (got <= 0)
			return false;
		FC_GROW(a->task, a->cap, a->n + 1);
		a->task[number = a->n++] = t;
	}
	t = a->task[number];
	*r = (struct fc_http_request){make_request(&a->session, t), t->c.id, number,
	    infer_max_new(a->session.opt, t->c.form)};
	return true;
}

static int check_reply(void *ctx /* struct answerer */, const json_t *o, struct fc_err *e)
{
	struct fc_err why;
	(void)ctx;
	return fc_http_message(o, &why)
	    ? 0
	    : fc_fail(e, "%s; is %s the whole base, as https://host/v1?", why.msg,
		  fc_endpoint_asked.base_url);
}

/* Calls of tools are of the answer, whose text may then be none. */
static void keep_calls(struct fc_message *m, const json_t *answer)
{
	json_t *calls = json_object_get(answer, "tool_calls");
	if (!json_array_size(calls))
		return;
	m->no_text = !json_is_string(json_object_get(answer, "content"));
	m->members = json_pack("{s:n, s:n, s:O}", "role", "content", "tool_calls", calls);
}

static void put_answer(struct answerer *a, struct task *t, const json_t *o)
{
	const json_t *choice = json_array_get(json_object_get(o, "choices"), 0);
	const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
	const json_t *n = json_object_get(json_object_get(o, "usage"), "completion_tokens");
	const char *why = json_string_value(json_object_get(choice, "finish_reason"));
	infer_turn_put(t, json_is_string(content) ? json_string_value(content) : "",
	    json_string_length(content), why, (size_t)json_integer_value(n));
	keep_calls(&t->c.message[t->turn + 1], json_object_get(choice, "message"));
	a->n_answer++;
	a->n_truncated += fc_finish_truncates(why);
}

static int take_reply(
    void *ctx /* struct answerer */, size_t number, json_t *o, const char *why, struct fc_err *e)
{
	struct answerer *a = ctx;
	struct task *t = a->task[number];
	if (o) {
		put_answer(a, t, o);
		if (infer_turn_find(t, t->turn + 2)) {
			FC_GROW(a->again, a->cap_again, a->n_again + 1);
			a->again[a->n_again++] = number;
			return 0;
		}
	} else {
		if (!a->n_failed++)
			snprintf(a->first_failure, sizeof a->first_failure, "%s: %s", t->c.id, why);
		t->skipped = true;
	}
	a->task[number] = NULL;
	return infer_queue_done(a->queue, t, e);
}

/* What is on its way nowhere any more, as the budget is spent, is left out. */
static int drop_open(struct answerer *a, struct fc_err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		struct task *t = a->task[i];
		if (!t)
			continue;
		t->skipped = true;
		a->task[i] = NULL;
		if (infer_queue_done(a->queue, t, e) < 0)
			return -1;
	}
	return 0;
}

static int ask_all(struct answerer *a, bool *over, struct fc_err *e)
{
	const struct fc_http_asker asker = {
	    a, "chat/completions", next_question, check_reply, take_reply};
	struct fc_http_usage used = {0};
	fc_progress_start("conversations", 0);
	int ret = fc_http_run(&fc_endpoint_asked, &asker, &used, e);
	fc_progress_end();
	*over = used.over_budget;
	if (used.n_request)
		fc_note("%" PRIu64 " requests, %" PRIu64 " of them repeated, about %" PRIu64
			" tokens",
		    used.n_request, used.n_retry, used.n_token);
	if (a->n_failed)
		fc_warn(
		    "%" PRIu64 " requests failed; the first: %s", a->n_failed, a->first_failure);
	if (infer_queue_lines(a->queue) && !a->n_answer && !a->n_failed && !*over)
		fc_warn("nothing was generated: no user message is without an answer");
	if (a->n_truncated)
		fc_warn("%" PRIu64 " of %" PRIu64
			" answers were truncated, as their finish_reason says",
		    a->n_truncated, a->n_answer);
	if (ret == 0 && a->failed)
		ret = fc_fail(e, "%s", a->e.msg);
	return ret == 0 ? drop_open(a, e) : -1;
}

static int open_all(struct answerer *a, const struct infer_options *o, const struct fc_shard *shard,
    char **paths, int n_paths, struct fc_err *e)
{
	struct session *s = &a->session;
	s->opt = o;
	s->policy.several = true; /* which weights a server has is not known */
	fc_example_init(&s->other);
	if (fc_conversations_open(&s->input, (const char *const *)(uintptr_t)paths, n_paths, e) < 0)
		return -1;
	fc_conversations_accept(s->input, FC_LINE_QUESTIONS);
	fc_conversations_set_shard(s->input, shard);
	return 0;
}

int infer_ask_answers(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e)
{
	struct answerer a = {0};
	struct fc_buf key = FC_BUF_INIT;
	bool over = false;
	int ret = open_all(&a, o, shard, paths, n_paths, e);
	if (ret == 0 && (ret = fc_endpoint_read_key(&fc_endpoint_asked, &key, e)) == 0)
		ret = fc_endpoint_check(&fc_endpoint_asked, e);
	if (ret == 0 && !o->dry_run && (ret = infer_queue_open(&a.queue, &a.session, e)) == 0) {
		ret = ask_all(&a, &over, e);
		if (ret == 0 && (ret = infer_session_tell(&a.session, e)) == 0) {
			ret = infer_queue_finish(a.queue, e);
			a.queue = NULL;
		}
	}
	if (ret == 0 && (over || a.n_failed))
		ret = fc_fail(e,
		    "%s; what was answered is written, and with --resume another run asks for the "
		    "rest",
		    over ? "the budget is spent" : "some conversations have no answer");
	infer_queue_abort(a.queue);
	infer_session_close(&a.session);
	free(a.task);
	free(a.again);
	fc_buf_release(&key);
	return ret;
}
