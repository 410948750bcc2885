/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* getline with a 64-bit offset; fopen mode "e" */
#include "text/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct fc_lines {
	FILE *f;
	char *name, *line;
	size_t cap;
	uint64_t number, n_bytes;
	char where[512];
};

int fc_lines_open(struct fc_lines **out, const char *path, struct fc_err *e)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	*out = NULL;
	if (!f)
		return fc_fail(e, "open %s:", path);
	struct fc_lines *l = FC_NEW(struct fc_lines);
	l->f = f;
	l->name = fc_strdup(is_stdin ? "standard input" : path);
	*out = l;
	return 0;
}

int fc_lines_next(struct fc_lines *l, char **p, size_t *n, struct fc_err *e)
{
	ssize_t got = getline(&l->line, &l->cap, l->f);
	if (got < 0) {
		if (ferror(l->f))
			return fc_fail(e, "read %s:", l->name);
		return 0;
	}
	l->number++;
	l->n_bytes += (uint64_t)got;
	if (l->number == 1 && got >= 3 && !memcmp(l->line, "\xef\xbb\xbf", 3)) {
		got -= 3; /* a byte order mark */
		memmove(l->line, l->line + 3, (size_t)got + 1);
	}
	if ((size_t)got > FC_LINE_MAX)
		return fc_fail(e, "%s: line of %zd bytes; at most %zu are read", fc_lines_where(l),
		    got, FC_LINE_MAX);
	if (got && l->line[got - 1] == '\n')
		l->line[--got] = 0;
	if (got && l->line[got - 1] == '\r')
		l->line[--got] = 0;
	*p = l->line;
	*n = (size_t)got;
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
	if (l->f != stdin)
		fclose(l->f);
	free(l->name);
	free(l->line);
	free(l);
}
