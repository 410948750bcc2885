/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fc-eval/judge/asker.h"
#include "fc-eval/judge/child.h"
#include "text/lines.h"

struct pending {
	char *id;
	size_t number;
	bool replied;
};

struct program {
	const struct eval_asker *asker;
	struct eval_child child;
	struct fc_buf out, in;
	size_t n_written, n_scanned; /* bytes of out; bytes of in without a newline */
	struct pending *pending;     /* [n] in the order of their ids' bytes once all are known */
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

static void write_some(struct program *p)
{
	ssize_t n = write(p->child.to, p->out.p + p->n_written, p->out.n - p->n_written);
	if (n > 0)
		p->n_written += (size_t)n;
	bool stopped = n < 0 && errno != EAGAIN && errno != EINTR; /* the program reads no more */
	if (stopped || p->n_written == p->out.n) {
		close(p->child.to);
		p->child.to = -1;
	}
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
	json_t *o = fc_json_text(line, n, "the judge's program", e);
	if (!o)
		return -1;
	const char *id = json_string_value(json_object_get(o, "id"));
	const json_t *answer = answer_of(o);
	struct pending key = {.id = (char *)id}; /* only compared */
	struct pending *q = id ? bsearch(&key, p->pending, p->n, sizeof *p->pending, by_id) : NULL;
	int ret = -1;
	if (!q)
		fc_fail(
		    e, "the judge's program answers '%.80s', which was not asked", id ? id : "");
	else if (q->replied)
		fc_fail(e, "the judge's program answers '%.80s' twice", id);
	else if (!answer)
		fc_fail(e,
		    "the judge's program: '%.80s': no assistant's message at the end of messages",
		    id);
	else {
		struct eval_reply reply = {
		    .text = json_string_value(answer), .n = json_string_length(answer)};
		q->replied = true;
		ret = p->asker->take(p->asker->ctx, q->number, &reply, e);
	}
	json_decref(o);
	return ret;
}

/* 1: read something; 0: end. */
static int read_some(struct program *p, struct fc_err *e)
{
	enum { BLOCK = 65536 };
	ssize_t got = read(p->child.from, fc_buf_reserve(&p->in, BLOCK), BLOCK);
	if (got < 0)
		return errno == EINTR ? 1 : fc_fail(e, "read from the judge's program:");
	if (got == 0) /* the last line may lack its newline */
		return p->in.n ? take_line(p, p->in.p, p->in.n, e) : 0;
	p->in.n += (size_t)got;
	size_t start = 0;
	for (char *end; (end = memchr(p->in.p + p->n_scanned, '\n', p->in.n - p->n_scanned));) {
		size_t stop = (size_t)(end - p->in.p);
		if (take_line(p, p->in.p + start, stop - start, e) < 0)
			return -1;
		start = p->n_scanned = stop + 1;
	}
	memmove(p->in.p, p->in.p + start, p->in.n - start);
	p->in.n -= start;
	p->n_scanned = p->in.n;
	if (p->in.n > FC_LINE_MAX)
		return fc_fail(
		    e, "the judge's program writes a line of more than %zu bytes", FC_LINE_MAX);
	return 1;
}

static int exchange_lines(struct program *p, struct fc_err *e)
{
	int got;
	do {
		struct pollfd fd[2] = {{p->child.from, POLLIN, 0}, {p->child.to, POLLOUT, 0}};
		if (poll(fd, p->child.to < 0 ? 1 : 2, -1) < 0 && errno != EINTR)
			return fc_fail(e, "poll:");
		if (p->child.to >= 0 && fd[1].revents)
			write_some(p);
		got = fd[0].revents ? read_some(p, e) : 1;
	} while (got > 0);
	return got;
}

/* Ends the program; its status matters only where nothing else went wrong. */
static int end_program(struct program *p, int ret, struct fc_err *e)
{
	if (ret < 0) {
		eval_child_kill(&p->child);
		return -1;
	}
	if (eval_child_wait(&p->child, "the judge's program", e) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		struct eval_reply none = {.why = "the judge's program left it out"};
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
	int ret = 0;
	/* A program that stops reading is told by write()'s error; the judgments it gave count. */
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct program p = {.asker = a};
		collect_requests(&p);
		if (p.n) {
			ret = eval_child_start(&p.child, argv, -1, e);
			if (ret == 0)
				fcntl(p.child.to, F_SETFL, O_NONBLOCK);
			if (ret == 0)
				ret = end_program(&p, exchange_lines(&p, e), e);
		}
		bool more = ret == 0 && p.n;
		release_program(&p);
		if (!more)
			break;
	}
	signal(SIGPIPE, old);
	return ret;
}
