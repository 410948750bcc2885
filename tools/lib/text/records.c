/* SPDX-License-Identifier: Apache-2.0 */
#include "text/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum layout { UNKNOWN, LINES, ARRAY };

struct fc_records {
	struct fc_infile *in; /* of lines too, whose it then is */
	enum layout layout;
	struct fc_lines *lines; /* layout LINES */
	uint64_t number;        /* layout ARRAY: of the element */
	char behind;            /* the element: ',' or ']'; 0: none was read yet */
	bool ended;             /* the array is closed */
	char where[512];
};

int fc_records_open(struct fc_records **out, const char *path, struct fc_err *e)
{
	struct fc_infile *in;
	*out = NULL;
	if (fc_infile_open(&in, path, e) < 0)
		return -1;
	*out = FC_NEW(struct fc_records);
	(*out)->in = in;
	return 0;
}

void fc_records_close(struct fc_records *r)
{
	if (!r)
		return;
	if (r->lines)
		fc_lines_close(r->lines);
	else
		fc_infile_close(r->in);
	free(r);
}

uint64_t fc_records_number(const struct fc_records *r)
{
	return r->lines ? fc_lines_number(r->lines) : r->number;
}

const char *fc_records_where(struct fc_records *r)
{
	if (r->lines)
		return fc_lines_where(r->lines);
	snprintf(
	    r->where, sizeof r->where, "%s: element %" PRIu64, fc_infile_name(r->in), r->number);
	return r->where;
}

uint64_t fc_records_bytes(const struct fc_records *r)
{
	return fc_infile_bytes(r->in);
}

bool fc_records_is_array(const struct fc_records *r)
{
	return r->layout == ARRAY;
}

enum fc_packing fc_records_packing(const struct fc_records *r)
{
	return fc_infile_packing(r->in);
}

const char *fc_records_name(const struct fc_records *r)
{
	return fc_infile_name(r->in);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* 1: *c is the next character that is no white space, which is all that was taken; 0: the end. */
static int peek(struct fc_records *r, char *c, struct fc_err *e)
{
	for (;;) {
		size_t n, i = 0;
		const char *p = fc_infile_at(r->in, &n);
		while (i < n && is_space(p[i]))
			i++;
		if (i < n)
			*c = p[i];
		fc_infile_take(r->in, i);
		if (i < n)
			return 1;
		const int more = fc_infile_more(r->in, e);
		if (more <= 0)
			return more;
	}
}

/* White space before the first line is looked over, and not taken: lines have numbers. */
static int find_layout(struct fc_records *r, struct fc_err *e)
{
	size_t n = 0, i = 0;
	for (;;) {
		const char *p = fc_infile_at(r->in, &n);
		while (i < n && is_space(p[i]))
			i++;
		if (i < n || i > FC_LINE_MAX)
			break;
		const int more = fc_infile_more(r->in, e);
		if (more < 0)
			return -1;
		if (!more)
			break;
	}
	r->layout = i < n && fc_infile_at(r->in, &n)[i] == '[' ? ARRAY : LINES;
	if (r->layout == ARRAY)
		fc_infile_take(r->in, i + 1);
	else
		r->lines = fc_lines_of(r->in);
	return 0;
}

/* Where in an element the scanner is. */
struct scan {
	size_t i, depth; /* bytes looked at; brackets that are open */
	bool in_string, escaped;
};

/* Goes on over p[n]; true: at i stands what ends the element, a comma or a bracket that none opened
 * inside it. */
static bool scan_element(struct scan *s, const char *p, size_t n)
{
	for (; s->i < n; s->i++) {
		const char c = p[s->i];
		if (s->in_string) {
			s->in_string = s->escaped || c != '"';
			s->escaped = !s->escaped && c == '\\';
		} else if (c == '"') {
			s->in_string = true;
		} else if (c == '{' || c == '[') {
			s->depth++;
		} else if (s->depth && (c == '}' || c == ']')) {
			s->depth--;
		} else if (!s->depth && (c == ',' || c == ']' || c == '}')) {
			return true;
		}
	}
	return false;
}

/* The element that begins here, up to *n, behind which stands its comma or the last bracket. */
static int find_element(struct fc_records *r, size_t *n, struct fc_err *e)
{
	struct scan s = {0};
	for (;;) {
		size_t have;
		const char *p = fc_infile_at(r->in, &have);
		if (scan_element(&s, p, have)) {
			*n = s.i;
			return 0;
		}
		if (have > FC_LINE_MAX)
			return fc_fail(e, "%s: of more than %zu bytes, which is the limit",
			    fc_records_where(r), FC_LINE_MAX);
		const int more = fc_infile_more(r->in, e);
		if (more < 0)
			return -1;
		if (!more)
			return fc_fail(e,
			    "%s: the file ends inside it: it is cut off, or a bracket or "
			    "quotation mark is missing",
			    fc_records_where(r));
	}
}

/* Nothing but white space is behind the array. */
static int end_array(struct fc_records *r, struct fc_err *e)
{
	char c;
	r->ended = true;
	const int more = peek(r, &c, e);
	if (more > 0)
		return fc_fail(e,
		    "%s: something follows the array, after element %" PRIu64
		    "; a file is one array, or an object a line",
		    fc_records_name(r), r->number);
	return more;
}

/* The bracket or comma behind an element is taken with it, since the text's NUL may replace it. */
static int next_element(struct fc_records *r, char **p, size_t *n, struct fc_err *e)
{
	char c;
	if (r->ended)
		return 0;
	if (r->behind == ']')
		return end_array(r, e);
	const int more = peek(r, &c, e);
	if (more < 0)
		return -1;
	if (!more)
		return fc_fail(e, "%s: cut off behind element %" PRIu64 ": the array is not closed",
		    fc_records_name(r), r->number);
	if (c == ']' && !r->number) {
		fc_infile_take(r->in, 1);
		return end_array(r, e);
	}
	r->number++;
	if (c == ',' || c == '}' || c == ']')
		return fc_fail(e, "%s: there is none, but a '%c'", fc_records_where(r), c);
	if (find_element(r, n, e) < 0)
		return -1;
	size_t have;
	*p = fc_infile_at(r->in, &have);
	r->behind = (*p)[*n];
	if (r->behind == '}')
		return fc_fail(e, "%s: a bracket too many", fc_records_where(r));
	fc_infile_take(r->in, *n + 1);
	while (is_space((*p)[*n - 1]))
		--*n;
	(*p)[*n] = 0;
	return 1;
}

int fc_records_next(struct fc_records *r, char **p, size_t *n, struct fc_err *e)
{
	if (r->layout == UNKNOWN && find_layout(r, e) < 0)
		return -1;
	if (r->layout == ARRAY)
		return next_element(r, p, n, e);
	int got;
	while ((got = fc_lines_next(r->lines, p, n, e)) > 0 && fc_line_is_blank(*p, *n))
		;
	return got;
}
