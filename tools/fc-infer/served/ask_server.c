/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "chat/invalid.h"
#include "chat/shape.h"
#include "fc-infer/served/asklog.h"
#include "fc-infer/served/line.h"
#include "fc-infer/served/served.h"

/*
 * --endpoint: what a server says of conversations.  All are asked first, several at a time, and
 * what comes is kept in a file, in the order in which it comes; then the stream is made of the
 * file, in the order of the input.
 */
struct question { /* on its way */
	char *id;
	uint64_t key;
	struct fc_buf line; /* up to the response */
};
struct asked {
	struct served served;
	struct reply reply;
	struct fc_conversations *input;
	struct asklog log;
	struct asklog_place *place; /* [n] what was said of each conversation */
	struct question *question;  /* [n] {0} once it is answered */
	size_t n, cap_place, cap_question;
	uint64_t n_done, n_kept, n_failed;
	char first_failure[1024];
	bool failed; /* reading the input: e says why */
	struct fc_err e;
};

static json_t *make_request(const struct asked *a)
{
	const struct infer_options *o = a->served.opt;
	const struct fc_example *x = &a->served.x;
	const bool vllm = o->ask == ASK_PROMPT_LOGPROBS;
	json_t *prompt = NULL;
	if (o->ask == ASK_ECHO_TEXT) {
		prompt = json_stringn(x->text.p ? x->text.p : "", x->text.n);
	} else {
		prompt = json_array();
		for (size_t t = 0; t < x->n_tok; t++)
			json_array_append_new(prompt, json_integer(x->tok[t]));
	}
	json_t *body = json_pack("{s:s, s:o, s:i, s:i}", "model", o->served_model, "prompt", prompt,
	    "max_tokens", 1, "temperature", 0);
	const json_int_t k = (json_int_t)a->served.rows.top_k;
	if (vllm) {
		json_object_set_new(body, "prompt_logprobs", json_integer(k));
	} else {
		json_object_set_new(body, "echo", json_true());
		json_object_set_new(body, "logprobs", json_integer(k));
	}
	return body;
}

/* A text, as --logprobs reads it; with its end, as a completion. */
static json_t *text_line(const struct fc_conversation *c)
{
	json_t *o = json_copy(c->extra);
	const struct fc_message *text = &c->message[c->n_message - 1], *before = &c->message[0];
	const size_t n_before = c->n_message > 1 ? before->n : 0;
	json_object_set_new(o, "id", json_string(c->id));
	if (c->n_message > 1 || c->ends)
		json_object_set_new(o, c->ends ? "prompt" : "context",
		    json_stringn(n_before ? before->content : "", n_before));
	json_object_set_new(
	    o, c->ends ? "completion" : "text", json_stringn(text->content, text->n));
	return o;
}

/* Messages, which say themselves what is not learned. */
static json_t *messages_line(const struct fc_conversation *c)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	fc_conversation_write(&b, c);
	json_t *o = fc_json_text(b.p, b.n, "conversation", &e);
	const char *list = fc_shape_list(o);
	for (size_t i = 0; i < c->n_message; i++)
		if (c->message[i].role == FC_ROLE_ASSISTANT && c->message[i].untrained)
			json_object_set_new(
			    json_array_get(json_object_get(o, list), i), "train", json_false());
	fc_buf_release(&b);
	return o;
}

/* The line of the log but for the response: the conversation and the request, which it takes. */
static json_t *make_line(const struct fc_conversation *c, json_t *request)
{
	json_t *o = c->form == FC_FORM_TEXT ? text_line(c) : messages_line(c);
	json_object_set_new(o, "request", request);
	return o;
}

/* c as tokens, once all sides of its pair, of which it is the first, could be encoded: all of a
 * pair is asked, or nothing. */
static int encode_line(
    struct asked *a, const struct fc_conversation *c, bool first, struct fc_err *why)
{
	const char *where = fc_conversations_where(a->input);
	int n = 0;
	struct fc_err e;
	const struct fc_conversation *side = fc_conversations_sides(a->input, &n);
	for (int i = 0; first && i < n; i++)
		if (infer_served_encode(&a->served, &side[i], &e) < 0)
			return fc_fail(why, "%s: conversation %s: %s", where, side[i].id, e.msg);
	if (infer_served_encode(&a->served, c, &e) < 0)
		return fc_fail(why, "%s: conversation %s: %s", where, c->id, e.msg);
	return 0;
}

/* The next conversation that can be encoded; -1 and a->e: error. */
static int next_conversation(struct asked *a, struct fc_conversation *c)
{
	struct fc_err why;
	for (;;) {
		int n_side = 0; /* of the line that was read before */
		fc_conversations_sides(a->input, &n_side);
		const int got = fc_conversations_next(a->input, c, &a->e);
		if (got != 1 || encode_line(a, c, n_side == 0, &why) == 0)
			return got;
		if (!a->served.chat && c->form != FC_FORM_TEXT)
			return fc_fail(&a->e, "%s", why.msg); /* which is not the line's fault */
		if (fc_conversations_refuse(a->input, &why, &a->e) < 0)
			return -1;
	}
}

/* The next conversation that was not asked of before. */
static bool next_question(void *ctx /* struct asked */, struct fc_http_request *r)
{
	struct asked *a = ctx;
	struct fc_conversation c = {0};
	int got = 0;
	while (!a->failed && (got = next_conversation(a, &c)) == 1) {
		json_t *request = make_request(a), *line = make_line(&c, json_incref(request));
		const uint64_t key = infer_asklog_key(line);
		FC_GROW(a->place, a->cap_place, a->n + 1);
		FC_GROW(a->question, a->cap_question, a->n + 1);
		a->question[a->n] = (struct question){0};
		a->served.n_line++;
		if (infer_asklog_find(&a->log, key, &a->place[a->n])) {
			a->n++, a->n_kept++, a->n_done++;
			json_decref(request);
			json_decref(line);
			continue;
		}
		struct question *q = &a->question[a->n];
		*q = (struct question){.id = fc_strdup(c.id), .key = key};
		fc_json_dump(&q->line, line);
		q->line.n--; /* its brace, until the response is there */
		json_decref(line);
		*r = (struct fc_http_request){request, q->id, a->n++, 1};
		break;
	}
	a->failed = a->failed || got < 0;
	fc_conversation_release(&c);
	return got == 1;
}

static int check_reply(void *ctx /* struct asked */, const json_t *o, struct fc_err *e)
{
	(void)ctx;
	return json_is_array(json_object_get(o, "choices"))
	    ? 0
	    : fc_fail(e,
		  "no completion: there are no choices in the reply; is %s the whole base, as "
		  "https://host/v1?",
		  fc_endpoint_asked.base_url);
}

/* What the server says of the text; it may know other ways to be asked, or none. */
static int read_reply(struct asked *a, const json_t *o, const char *where, struct fc_err *e)
{
	struct fc_err why;
	const bool by_vllm = a->served.opt->ask == ASK_PROMPT_LOGPROBS;
	if (infer_reply_read(&a->reply, NULL, o, where, &why) < 0)
		return fc_fail(e, "%s%s", why.msg,
		    by_vllm ? "; prompt_logprobs is vLLM's, --ask echo and echo-text are other ways"
			    : "");
	if (a->reply.scope == REPLY_WHOLE)
		return 0;
	return fc_fail(e,
	    "%s: response: it has the log-probabilities of what the server answered, and none of "
	    "the text that it was given: it does not know \"%s\" (llama.cpp's own server does not)",
	    where, by_vllm ? "prompt_logprobs" : "echo");
}

static void release_question(struct question *q)
{
	free(q->id);
	fc_buf_release(&q->line);
	*q = (struct question){0};
}

static int take_reply(
    void *ctx /* struct asked */, size_t number, json_t *o, const char *why, struct fc_err *e)
{
	struct asked *a = ctx;
	struct question *q = &a->question[number];
	char where[128];
	snprintf(where, sizeof where, "conversation %.80s", q->id);
	int ret = 0;
	if (!o) {
		if (!a->n_failed++)
			snprintf(a->first_failure, sizeof a->first_failure, "%s: %s", where, why);
	} else if (read_reply(a, o, where, e) < 0) {
		ret = -1; /* the server has no log-probabilities, and won't have any */
	} else {
		fc_buf_adds(&q->line, ",\"response\":");
		fc_json_dump(&q->line, o);
		fc_buf_addc(&q->line, '}');
		ret = infer_asklog_add(&a->log, q->key, q->line.p, q->line.n, &a->place[number], e);
		uint64_t used,
		    all; /* what is still asked has been read, and is a few conversations */
		fc_conversations_bytes(a->input, &used, &all);
		fc_progress_share(used, all);
		fc_progress_set(++a->n_done, NULL);
	}
	release_question(q);
	return ret;
}

static int ask_all(struct asked *a, struct fc_err *e)
{
	const struct fc_http_asker asker = {
	    a, "completions", next_question, check_reply, take_reply};
	struct fc_http_usage used = {0};
	fc_progress_start("conversations", 0);
	int ret = fc_http_run(&fc_endpoint_asked, &asker, &used, e);
	fc_progress_end();
	if (a->n_kept)
		fc_note("%s: %" PRIu64 " were asked before", a->log.path, a->n_kept);
	if (used.n_request)
		fc_note("%" PRIu64 " requests, %" PRIu64 " of them repeated, about %" PRIu64
			" tokens",
		    used.n_request, used.n_retry, used.n_token);
	if (a->n_failed)
		fc_warn(
		    "%" PRIu64 " requests failed; the first: %s", a->n_failed, a->first_failure);
	if (ret == 0 && a->failed)
		ret = fc_fail(e, "%s", a->e.msg);
	if (ret == 0 && used.over_budget)
		ret = fc_fail(e, "the budget is spent after %" PRIu64 " conversations%s", a->n_done,
		    a->log.path ? "; run it again to go on"
				: "; with --log, another run goes on behind them");
	if (ret == 0 && a->n_failed)
		ret = fc_fail(e, "%" PRIu64 " of %zu conversations have no answer%s", a->n_failed,
		    a->n,
		    a->log.path ? "; run it again to go on"
				: "; with --log, another run asks only for these");
	return ret;
}

/* One conversation of the log as an example. */
static int write_one(struct asked *a, struct fc_writer *w, size_t i, struct fc_err *e)
{
	struct fc_conversation c = {0};
	struct line line;
	struct fc_err why;
	json_t *o = infer_asklog_read(&a->log, &a->place[i], e);
	json_t *members = o ? json_copy(o) : NULL;
	const char *id = json_string_value(json_object_get(o, "id"));
	char where[128];
	snprintf(where, sizeof where, "conversation %.80s", id ? id : "");
	int ret = -1;
	if (o && infer_line_find(&line, o, where, e) == 0 &&
	    infer_reply_read(&a->reply, line.request, line.response, where, e) == 0 &&
	    infer_line_conversation(&c, members, &line, &a->reply, a->served.opt->train_opening,
		i + 1, where, e) == 0) {
		ret = 0;
		if (infer_served_encode(&a->served, &c, &why) < 0 ||
		    infer_served_example(&a->served, &a->reply, &why) < 0)
			ret = fc_fail(e, "%s: %s", where, why.msg);
	}
	if (ret == 0)
		ret = fc_writer_example(w, &a->served.x, e);
	fc_conversation_release(&c);
	json_decref(members);
	json_decref(o);
	return ret;
}

static int write_all(struct asked *a, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w = NULL;
	infer_served_header(&a->served, &h);
	int ret = fc_writer_open(&w, a->served.opt->output, &h, e);
	fc_header_release(&h);
	for (size_t i = 0; ret == 0 && i < a->n; i++)
		ret = write_one(a, w, i, e);
	if (ret < 0) {
		fc_writer_abort(w);
		return -1;
	}
	infer_served_tell(&a->served);
	if (fc_invalid_finish(e) < 0) {
		fc_writer_abort(w);
		return -1;
	}
	return fc_writer_finish(w, e);
}

int infer_ask_server(const struct infer_options *o, const struct fc_shard *shard, char **paths,
    int n_paths, struct fc_err *e)
{
	struct asked a = {0};
	struct fc_buf key = FC_BUF_INIT;
	struct fc_err closing;
	int ret = infer_served_open(&a.served, o, o->model, e);
	if (ret == 0)
		ret = fc_conversations_open(
		    &a.input, (const char *const *)(uintptr_t)paths, n_paths, e);
	if (ret == 0 && (ret = fc_endpoint_read_key(&fc_endpoint_asked, &key, e)) == 0)
		ret = fc_endpoint_check(&fc_endpoint_asked, e);
	if (ret == 0 && !o->dry_run) {
		fc_conversations_accept(a.input, FC_LINE_TEXTS | FC_LINE_PAIRS);
		if (o->train_opening)
			fc_conversations_train_opening(a.input);
		fc_conversations_set_shard(a.input, shard);
		ret = infer_asklog_open(&a.log, o->log, e);
		if (ret == 0 && (ret = ask_all(&a, e)) == 0)
			ret = write_all(&a, e);
	}
	if (infer_asklog_close(&a.log, &closing) < 0 && ret == 0)
		ret = fc_fail(e, "%s", closing.msg);
	for (size_t i = 0; i < a.n; i++)
		release_question(&a.question[i]);
	free(a.question);
	free(a.place);
	fc_conversations_close(a.input);
	infer_reply_release(&a.reply);
	infer_served_close(&a.served);
	fc_buf_release(&key);
	return ret;
}
