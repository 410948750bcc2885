/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/tablefile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/lines.h"

struct align_tablefile {
	struct fc_lines *lines;
	size_t n;
	size_t *at; /* [n] the place of each column in a line */
};

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

/* Undoes \t \n \\ and \xNN, in place. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s != '\\' || !s[1]) {
			*to++ = *s;
			continue;
		}
		s++;
		if (*s == 'x' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*to++ = (char)(hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		} else {
			*to++ = (char)(*s == 't' ? '\t' : *s == 'n' ? '\n' : *s);
		}
	}
	*to = 0;
}

/* The next cell of *line, which moves past it; NULL: there is none. */
static char *next_cell(char **line)
{
	char *cell = *line, *tab = cell ? strchr(cell, '\t') : NULL;
	if (tab)
		*tab = 0;
	*line = tab ? tab + 1 : NULL;
	return cell;
}

static int read_names(struct align_tablefile *t, char *line, const char *const *column,
    const char *made_by, struct fc_err *e)
{
	const size_t none = (size_t)-1;
	for (size_t i = 0; i < t->n; i++)
		t->at[i] = none;
	char *name;
	for (size_t at = 0; (name = next_cell(&line)); at++)
		for (size_t i = 0; i < t->n; i++)
			if (!strcmp(name, column[i]))
				t->at[i] = at;
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i] == none)
			return fc_fail(e, "%s: no column '%s'; expected what %s writes",
			    fc_lines_where(t->lines), column[i], made_by);
	return 0;
}

int align_tablefile_open(struct align_tablefile **out, const char *path, const char *const *column,
    size_t n, const char *made_by, struct fc_err *e)
{
	struct align_tablefile *t = FC_NEW(struct align_tablefile);
	char *line;
	size_t len;
	t->n = n;
	t->at = FC_ARRAY(size_t, n);
	*out = NULL;
	int got = fc_lines_open(&t->lines, path, e);
	if (got == 0 && (got = fc_lines_next(t->lines, &line, &len, e)) == 0)
		got = fc_fail(e, "%s is empty; expected what %s writes", path, made_by);
	if (got > 0)
		got = read_names(t, line, column, made_by, e);
	if (got < 0) {
		align_tablefile_close(t);
		return -1;
	}
	*out = t;
	return 0;
}

void align_tablefile_close(struct align_tablefile *t)
{
	if (!t)
		return;
	if (t->lines)
		fc_lines_close(t->lines);
	free(t->at);
	free(t);
}

int align_tablefile_next(struct align_tablefile *t, const char **cell, struct fc_err *e)
{
	char *line, *one;
	size_t len;
	int got = fc_lines_next(t->lines, &line, &len, e);
	if (got <= 0)
		return got;
	for (size_t i = 0; i < t->n; i++)
		cell[i] = "";
	for (size_t at = 0; (one = next_cell(&line)); at++) {
		unescape(one);
		for (size_t i = 0; i < t->n; i++)
			if (t->at[i] == at)
				cell[i] = one;
	}
	return 1;
}

const char *align_tablefile_where(struct align_tablefile *t)
{
	return fc_lines_where(t->lines);
}
