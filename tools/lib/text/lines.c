/* SPDX-License-Identifier: Apache-2.0 */
#include "text/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct fc_lines {
	struct fc_infile *in;
	size_t seen; /* bytes of what is there that hold no newline */
	uint64_t number;
	char where[512];
};

struct fc_lines *fc_lines_of(struct fc_infile *in)
{
	struct fc_lines *l = FC_NEW(struct fc_lines);
	l->in = in;
	return l;
}

int fc_lines_open(struct fc_lines **out, const char *path, struct fc_err *e)
{
	struct fc_infile *in;
	*out = NULL;
	if (fc_infile_open(&in, path, e) < 0)
		return -1;
	*out = fc_lines_of(in);
	return 0;
}

/* 1: a whole line is there, *n bytes with its newline; 0: the end. */
static int find_line(struct fc_lines *l, size_t *n, struct fc_err *e)
{
	for (;;) {
		size_t have;
		const char *p = fc_infile_at(l->in, &have),
			   *end = have > l->seen ? memchr(p + l->seen, '\n', have - l->seen) : NULL;
		*n = l->seen = end ? (size_t)(end - p) + 1 : have;
		if (*n > FC_LINE_MAX) {
			l->number++;
			return fc_fail(e, "%s: a line of more than %zu bytes, which is the limit",
			    fc_lines_where(l), FC_LINE_MAX);
		}
		if (end)
			return 1;
		const int more = fc_infile_more(l->in, e);
		if (more <= 0)
			return more < 0 ? -1 : *n > 0;
	}
}

int fc_lines_next(struct fc_lines *l, char **p, size_t *n, struct fc_err *e)
{
	size_t got, have;
	const int ret = find_line(l, &got, e);
	if (ret <= 0)
		return ret;
	char *line = fc_infile_at(l->in, &have); /* a NUL is behind a last line without newline */
	fc_infile_take(l->in, got);
	l->seen = 0;
	l->number++;
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
	return fc_infile_bytes(l->in);
}

uint64_t fc_lines_number(const struct fc_lines *l)
{
	return l->number;
}

const char *fc_lines_where(struct fc_lines *l)
{
	snprintf(l->where, sizeof l->where, "%s:%" PRIu64, fc_infile_name(l->in), l->number);
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
	fc_infile_close(l->in);
	free(l);
}
