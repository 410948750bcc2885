/* SPDX-License-Identifier: Apache-2.0 */
#include "text/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { READ_BYTES = 64 << 10 }; /* asked for at once */

struct fc_lines {
	int fd;
	char *name;
	struct fc_buf buf; /* [begin, n) is not handed out yet, and [begin, seen) has no newline */
	size_t begin, seen;
	bool ended;
	uint64_t number, n_bytes;
	char where[512];
};

int fc_lines_open(struct fc_lines **out, const char *path, struct fc_err *e)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	*out = NULL;
	if (fd < 0)
		return fc_fail(e, "open %s:", path);
	struct fc_lines *l = FC_NEW(struct fc_lines);
	l->fd = fd;
	l->name = fc_strdup(is_stdin ? "standard input" : path);
	*out = l;
	return 0;
}

/* More of the input behind what is there, which moves to the front. */
static int read_more(struct fc_lines *l, struct fc_err *e)
{
	size_t left = l->buf.n - l->begin;
	if (l->begin)
		memmove(l->buf.p, l->buf.p + l->begin, left);
	l->seen -= l->begin;
	l->begin = 0;
	l->buf.n = left;
	ssize_t got;
	do
		got = read(l->fd, fc_buf_reserve(&l->buf, READ_BYTES), READ_BYTES);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return fc_fail(e, "read %s:", l->name);
	l->buf.n += (size_t)got;
	l->ended = got == 0;
	return 0;
}

/* 1: buf holds a whole line, *n bytes with its newline; 0: the end. */
static int find_line(struct fc_lines *l, size_t *n, struct fc_err *e)
{
	for (;;) {
		const char *p = l->buf.p,
			   *end = l->buf.n > l->seen ? memchr(p + l->seen, '\n', l->buf.n - l->seen)
						     : NULL;
		l->seen = end ? (size_t)(end - p) + 1 : l->buf.n;
		*n = l->seen - l->begin;
		if (*n > FC_LINE_MAX) {
			l->number++;
			return fc_fail(e, "%s: a line of more than %zu bytes, which is the limit",
			    fc_lines_where(l), FC_LINE_MAX);
		}
		if (end || (l->ended && *n))
			return 1;
		if (l->ended)
			return 0;
		if (read_more(l, e) < 0)
			return -1;
	}
}

int fc_lines_next(struct fc_lines *l, char **p, size_t *n, struct fc_err *e)
{
	size_t got;
	int ret = find_line(l, &got, e);
	if (ret <= 0)
		return ret;
	fc_buf_reserve(&l->buf, 0); /* a NUL behind a last line without newline */
	char *line = l->buf.p + l->begin;
	l->begin += got;
	l->number++;
	l->n_bytes += got;
	if (l->number == 1 && got >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3; /* a byte order mark */
		got -= 3;
	}
	if (got && line[got - 1] == '\n')
		line[--got] = 0;
	if (got && line[got - 1] == '\r')
		line[--got] = 0;
	*p = line;
	*n = got;
	return 1;
}

uint64_t fc_lines_bytes(const struct fc_lines *l)
{
	return l->n_bytes;
}

const char *fc_lines_where(struct fc_lines *l)
{
	snprintf(l->where, sizeof l->where, "%s:%" PRIu64, l->name, l->number);
	return l->where;
}

bool fc_line_is_blank(const char *p, size_t n)
{
	return strspn(p, " \t\r") >= n;
}

void fc_lines_close(struct fc_lines *l)
{
	if (!l)
		return;
	if (l->fd != STDIN_FILENO)
		close(l->fd);
	free(l->name);
	fc_buf_release(&l->buf);
	free(l);
}
