/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/child.h"
#include "fc-eval/judge/asker.h"
#include "text/lines.h"

#define NAME "the judge's program"

struct pending {
	char *id;
	size_t number;
	bool replied;
};

struct program {
	const struct eval_asker *asker;
	struct fc_buf out, in;
	size_t n_scanned;        /* bytes of in without a newline */
	struct pending *pending; /* [n] in the order of their ids' bytes once all are known */
	size_t n, cap;
};

static int by_id(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;
	return strcmp(x->id, y->id);
}

/* Everything that can be asked now, as lines. */
static void collect_requests(struct program *p)
{
	struct eval_request r;
	while (p->asker->next(p->asker->ctx, &r)) {
		fc_buf_adds(&p->out, "{\"id\": ");
		fc_json_quote(&p->out, r.id, strlen(r.id));
		fc_buf_adds(&p->out, ", \"messages\": ");
		fc_json_dump(&p->out, r.messages);
		fc_buf_adds(&p->out, "}\n");
		FC_GROW(p->pending, p->cap, p->n + 1);
		p->pending[p->n++] = (struct pending){.id = fc_strdup(r.id), .number = r.number};
	}
	if (p->n)
		qsort(p->pending, p->n, sizeof *p->pending, by_id);
}

/* The last message, if it is an assistant's. */
static const json_t *answer_of(const json_t *o)
{
	const json_t *messages = json_object_get(o, "messages");
	size_t n = json_array_size(messages);
	const json_t *last = n ? json_array_get(messages, n - 1) : NULL;
	const char *role = json_string_value(json_object_get(last, "role"));
	const json_t *content = json_object_get(last, "content");
	return role && !strcmp(role, "assistant") && json_is_string(content) ? content : NULL;
}

static int take_line(struct program *p, const char *line, size_t n, struct fc_err *e)
{
	if (n == 0)
		return 0;
	json_t *o = fc_json_text(line, n, NAME, e);
	if (!o)
		return -1;
	const char *id = json_string_value(json_object_get(o, "id"));
	const json_t *answer = answer_of(o);
	struct pending key = {.id = (char *)id}; /* only compared */
	struct pending *q = id ? bsearch(&key, p->pending, p->n, sizeof *p->pending, by_id) : NULL;
	int ret = -1;
	if (!q)
		fc_fail(e, NAME " answers '%.80s', which was not asked", id ? id : "");
	else if (q->replied)
		fc_fail(e, NAME " answers '%.80s' twice", id);
	else if (!answer)
		fc_fail(e, NAME ": '%.80s': no assistant's message at the end of messages", id);
	else {
		struct eval_reply reply = {
		    .text = json_string_value(answer), .n = json_string_length(answer)};
		q->replied = true;
		ret = p->asker->take(p->asker->ctx, q->number, &reply, e);
	}
	json_decref(o);
	return ret;
}

/* Takes whole lines out of what came; n = 0: the last line may lack its newline. */
static int take_bytes(void *ctx /* struct program */, const char *bytes, size_t n, struct fc_err *e)
{
	struct program *p = ctx;
	size_t start = 0;
	if (n == 0)
		return p->in.n ? take_line(p, p->in.p, p->in.n, e) : 0;
	fc_buf_add(&p->in, bytes, n);
	for (char *end; (end = memchr(p->in.p + p->n_scanned, '\n', p->in.n - p->n_scanned));) {
		size_t stop = (size_t)(end - p->in.p);
		if (take_line(p, p->in.p + start, stop - start, e) < 0)
			return -1;
		start = p->n_scanned = stop + 1;
	}
	memmove(p->in.p, p->in.p + start, p->in.n - start);
	p->in.n -= start;
	p->n_scanned = p->in.n;
	return p->in.n <= FC_LINE_MAX
	    ? 0
	    : fc_fail(e, NAME " writes a line of more than %zu bytes", FC_LINE_MAX);
}

/* Asks what can be asked now; then what got no reply will get none. */
static int ask_program(struct program *p, const char *const *argv, struct fc_err *e)
{
	if (eval_child_exchange(argv, NAME, &p->out, take_bytes, p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		struct eval_reply none = {.why = NAME " left it out"};
		if (!p->pending[i].replied &&
		    p->asker->take(p->asker->ctx, p->pending[i].number, &none, e) < 0)
			return -1;
	}
	return 0;
}

static void release_program(struct program *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->pending[i].id);
	free(p->pending);
	fc_buf_release(&p->in);
	fc_buf_release(&p->out);
}

int eval_program_run(const char *const *argv, const struct eval_asker *a, struct fc_err *e)
{
	bool more = true;
	int ret = 0;
	while (ret == 0 && more) {
		struct program p = {.asker = a};
		collect_requests(&p);
		more = p.n > 0;
		if (more)
			ret = ask_program(&p, argv, e);
		release_program(&p);
	}
	return ret;
}
