/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fc-eval/judge/child.h"
#include "fc-eval/select/reward.h"

#define NAME "the reward's program"
#define NUMBER_MAX 64 /* bytes of a line with a number, its end included */

/* A line for each answer, and what came back. */
struct talk {
	struct eval_child child;
	struct fc_buf out, in;
	size_t n_written;
	size_t n_most; /* bytes that the numbers may take */
};

static void write_some(struct talk *t)
{
	const ssize_t n = write(t->child.to, t->out.p + t->n_written, t->out.n - t->n_written);
	if (n > 0)
		t->n_written += (size_t)n;
	const bool stopped =
	    n < 0 && errno != EAGAIN && errno != EINTR; /* the program reads no more */
	if (stopped || t->n_written == t->out.n) {
		close(t->child.to);
		t->child.to = -1;
	}
}

/* 1: read something, 0: end */
static int read_some(struct talk *t, struct fc_err *e)
{
	enum { BLOCK = 65536 };
	const ssize_t got = read(t->child.from, fc_buf_reserve(&t->in, BLOCK), BLOCK);
	if (got < 0)
		return errno == EINTR ? 1 : fc_fail(e, "read from " NAME ":");
	t->in.n += (size_t)got;
	if (t->in.n > t->n_most)
		return fc_fail(e, NAME " writes more than a number for each answer");
	return got > 0;
}

static int exchange_lines(struct talk *t, struct fc_err *e)
{
	int got;
	fcntl(t->child.to, F_SETFL, O_NONBLOCK);
	do {
		struct pollfd fd[2] = {{t->child.from, POLLIN, 0}, {t->child.to, POLLOUT, 0}};
		if (poll(fd, t->child.to < 0 ? 1 : 2, -1) < 0 && errno != EINTR)
			return fc_fail(e, "poll:");
		if (t->child.to >= 0 && fd[1].revents)
			write_some(t);
		got = fd[0].revents ? read_some(t, e) : 1;
	} while (got > 0);
	return got;
}

static int ask(
    const struct eval_candidates *s, const char *command, struct talk *t, struct fc_err *e)
{
	const char *const shell[] = {"sh", "-c", command, NULL};
	for (size_t i = 0; i < s->n; i++)
		fc_conversation_write(&t->out, &s->v[i].c);
	t->n_most = NUMBER_MAX * (s->n + 1);
	if (eval_child_start(&t->child, shell, -1, e) < 0)
		return -1;
	if (exchange_lines(t, e) < 0) {
		eval_child_kill(&t->child);
		return -1;
	}
	return eval_child_wait(&t->child, NAME, e);
}

/* A number and nothing else. */
static bool read_number(const char *p, double *v)
{
	char *end;
	*v = strtod(p, &end);
	return end != p && isfinite(*v) && !end[strspn(end, " \t\r")];
}

static int read_rewards(struct eval_candidates *s, const char *text, size_t n, struct fc_err *e)
{
	size_t i = 0;
	for (const char *p = text, *end = text + n; p < end; i++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		const size_t len = stop ? (size_t)(stop - p) : (size_t)(end - p);
		char number[NUMBER_MAX];
		const size_t kept = len < NUMBER_MAX - 1 ? len : NUMBER_MAX - 1;
		memcpy(number, p, kept);
		number[kept] = 0;
		if (i == s->n)
			return fc_fail(e, NAME " writes more than %zu lines, one an answer", s->n);
		if (len > kept || strlen(number) != kept || !read_number(number, &s->v[i].reward))
			return fc_fail(e, NAME ": line %zu, of the answer at %s: '%s' is no number",
			    i + 1, s->v[i].where, number);
		p += len + 1;
	}
	return i == s->n ? 0 : fc_fail(e, NAME " writes %zu numbers for %zu answers", i, s->n);
}

int eval_checker_run(struct eval_candidates *s, const char *command, struct fc_err *e)
{
	struct talk t = {0};
	/* A program that stops reading is found out by how many numbers it wrote. */
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	int ret = s->n ? ask(s, command, &t, e) : 0;
	signal(SIGPIPE, old);
	if (ret == 0)
		ret = read_rewards(s, t.in.p ? t.in.p : "", t.in.n, e);
	fc_buf_release(&t.out);
	fc_buf_release(&t.in);
	return ret;
}
