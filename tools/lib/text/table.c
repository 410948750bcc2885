/* SPDX-License-Identifier: Apache-2.0 */
#include "text/table.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/json.h"
#include "text/utf8.h"

const char *const fc_table_format_words[] = {
    [FC_TABLE_TEXT] = "table", [FC_TABLE_TSV] = "tsv", [FC_TABLE_JSON] = "json", NULL};
_Static_assert(FC_LEN(fc_table_format_words) == FC_TABLE_N + 1, "a word each");

struct fc_cell fc_cell_none(void)
{
	return (struct fc_cell){.kind = FC_CELL_NONE};
}

struct fc_cell fc_cell_text(const char *s)
{
	return s ? (struct fc_cell){.kind = FC_CELL_TEXT, .text = fc_strdup(s)} : fc_cell_none();
}

struct fc_cell fc_cell_count(uint64_t n)
{
	return (struct fc_cell){.kind = FC_CELL_COUNT, .count = n};
}

struct fc_cell fc_cell_real(double v)
{
	return fc_cell_within(v, (struct fc_interval){NAN, NAN});
}

struct fc_cell fc_cell_within(double v, struct fc_interval i)
{
	return (struct fc_cell){.kind = FC_CELL_REAL, .real = v, .interval = i};
}

struct fc_cell fc_cell_share(uint64_t n, uint64_t of)
{
	return fc_cell_real(of ? (double)n / (double)of : NAN);
}

void fc_table_add(struct fc_table *t, const struct fc_cell *cell, size_t n)
{
	assert(n == t->n_column);
	FC_GROW(t->cell, t->cap, (t->n_row + 1) * n);
	memcpy(t->cell + t->n_row++ * n, cell, n * sizeof *cell);
}

void fc_table_release(struct fc_table *t)
{
	for (size_t i = 0; i < t->n_row * t->n_column; i++)
		free(t->cell[i].text);
	free(t->cell);
	t->cell = NULL;
	t->n_row = t->cap = 0;
}

/* What a form shows in one column: a declared column's values or one of its bounds. */
struct view {
	const struct fc_column *c;
	size_t number; /* of c */
	enum { VALUE, LOW, HIGH, BRACKETS } part;
};

/* The views of a format, in order: new. */
static struct view *new_views(const struct fc_table *t, enum fc_table_format format, size_t *n)
{
	struct view *v = FC_ARRAY(struct view, 3 * t->n_column);
	const bool people = format == FC_TABLE_TEXT;
	*n = 0;
	for (size_t i = 0; i < t->n_column; i++) {
		const struct fc_column *c = &t->column[i];
		if (c->shown == FC_SHOWN_NEVER || (people && c->shown == FC_SHOWN_PROGRAMS))
			continue;
		v[(*n)++] = (struct view){c, i, VALUE};
		if (c->interval == FC_INTERVAL_NONE)
			continue;
		if (!people || c->interval == FC_INTERVAL_COLUMNS) {
			v[(*n)++] = (struct view){c, i, LOW};
			v[(*n)++] = (struct view){c, i, HIGH};
		} else if (c->interval == FC_INTERVAL_BRACKETS) {
			v[(*n)++] = (struct view){c, i, BRACKETS};
		}
	}
	return v;
}

static void put_heading(struct fc_buf *b, const struct view *v, enum fc_table_format format)
{
	if (v->part == BRACKETS)
		fc_buf_adds(b, "95% interval");
	else if (v->part == VALUE && v->c->heading && format == FC_TABLE_TEXT)
		fc_buf_adds(b, v->c->heading);
	else
		fc_buf_addf(b, "%s%s", v->c->name,
		    v->part == LOW        ? "_low"
			: v->part == HIGH ? "_high"
					  : "");
}

/* The cell of a row in this view; of brackets, whose text is not in a cell, the lower bound. */
static struct fc_cell view_cell(const struct fc_table *t, size_t row, const struct view *v)
{
	struct fc_cell x = t->cell[row * t->n_column + v->number];
	if (v->part != VALUE && x.kind != FC_CELL_REAL)
		return fc_cell_none();
	if (v->part != VALUE)
		x.real = v->part == HIGH ? x.interval.high : x.interval.low;
	if (x.kind == FC_CELL_REAL && !isfinite(x.real) && (v->part != BRACKETS || isnan(x.real)))
		x.kind = FC_CELL_NONE;
	return x;
}

/* A line break inside a cell would break the table: C0 characters are spaces. */
static void show_text(const char *s, struct fc_buf *b)
{
	char out[FC_ESCAPE_MAX];
	size_t n_out, left = strlen(s);
	while (left) {
		size_t n = fc_escape_next(out, &n_out, s, left);
		if ((unsigned char)*s < ' ' || *s == 127)
			fc_buf_addc(b, ' ');
		else
			fc_buf_add(b, out, n_out);
		s += n;
		left -= n;
	}
}

/* The cell as people see it. */
static void show_cell(struct fc_buf *b, const struct fc_table *t, size_t row, const struct view *v)
{
	const struct fc_cell x = view_cell(t, row, v);
	const int decimals = v->c->decimals;
	switch (x.kind) {
	case FC_CELL_NONE:
		fc_buf_addc(b, '-');
		break;
	case FC_CELL_TEXT:
		show_text(x.text, b);
		break;
	case FC_CELL_COUNT:
		fc_buf_addf(b, "%" PRIu64, x.count);
		break;
	case FC_CELL_REAL:
		if (v->part == BRACKETS)
			fc_buf_addf(
			    b, "[%.*f, %.*f]", decimals, x.interval.low, decimals, x.interval.high);
		else
			fc_buf_addf(b, "%.*f", decimals, x.real);
		break;
	}
}

/* A column of words leans left, one of numbers right. */
static bool leans_left(const struct fc_table *t, const struct view *v)
{
	for (size_t row = 0; row < t->n_row; row++) {
		const struct fc_cell x = view_cell(t, row, v);
		if (x.kind == FC_CELL_TEXT || (v->part == BRACKETS && x.kind == FC_CELL_REAL))
			return true;
	}
	return false;
}

static void pad(struct fc_buf *b, size_t n)
{
	while (n--)
		fc_buf_addc(b, ' ');
}

static void put_aligned(
    struct fc_buf *out, const struct fc_buf *s, size_t w, bool left, bool first, bool last)
{
	const size_t gap = w - fc_utf8_count(s->p, s->n);
	if (!first)
		pad(out, 2);
	if (!left)
		pad(out, gap);
	fc_buf_add(out, s->p, s->n);
	if (left && !last)
		pad(out, gap);
}

/* As people see it; row 0 is the headings. */
static void show_row(struct fc_buf *b, const struct fc_table *t, size_t row, const struct view *v)
{
	fc_buf_clear(b);
	if (row)
		show_cell(b, t, row - 1, v);
	else
		put_heading(b, v, FC_TABLE_TEXT);
}

static void print_text(
    const struct fc_table *t, const struct view *view, size_t n, struct fc_buf *out)
{
	size_t *w = FC_ARRAY(size_t, n);
	bool *left = FC_ARRAY(bool, n);
	struct fc_buf s = FC_BUF_INIT;
	for (size_t i = 0; i < n; i++) {
		left[i] = leans_left(t, &view[i]);
		for (size_t row = 0; row <= t->n_row; row++) {
			show_row(&s, t, row, &view[i]);
			const size_t wide = fc_utf8_count(s.p, s.n);
			w[i] = wide > w[i] ? wide : w[i];
		}
	}
	for (size_t row = 0; row <= t->n_row; row++) {
		for (size_t i = 0; i < n; i++) {
			show_row(&s, t, row, &view[i]);
			put_aligned(out, &s, w[i], left[i], i == 0, i + 1 == n);
		}
		fc_buf_addc(out, '\n');
	}
	fc_buf_release(&s);
	free(left);
	free(w);
}

/* A reader of the table can undo it: backslashes are doubled. */
static void put_escaped(struct fc_buf *out, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\\");
		fc_buf_add_escaped(out, s, n);
		s += n;
		if (*s) {
			fc_buf_adds(out, "\\\\");
			s++;
		}
	}
}

static void put_number(struct fc_buf *out, const struct fc_cell *x)
{
	if (x->kind == FC_CELL_COUNT)
		fc_buf_addf(out, "%" PRIu64, x->count);
	else
		fc_buf_addf(out, "%.9g", x->real);
}

static void print_tsv(
    const struct fc_table *t, const struct view *view, size_t n, struct fc_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		put_heading(out, &view[i], FC_TABLE_TSV);
		fc_buf_addc(out, i + 1 < n ? '\t' : '\n');
	}
	for (size_t row = 0; row < t->n_row; row++)
		for (size_t i = 0; i < n; i++) {
			const struct fc_cell x = view_cell(t, row, &view[i]);
			if (x.kind == FC_CELL_TEXT)
				put_escaped(out, x.text);
			else if (x.kind != FC_CELL_NONE)
				put_number(out, &x);
			fc_buf_addc(out, i + 1 < n ? '\t' : '\n');
		}
}

static void print_json(
    const struct fc_table *t, const struct view *view, size_t n, struct fc_buf *out)
{
	struct fc_buf name = FC_BUF_INIT;
	for (size_t row = 0; row < t->n_row; row++)
		for (size_t i = 0; i < n; i++) {
			const struct fc_cell x = view_cell(t, row, &view[i]);
			fc_buf_clear(&name);
			put_heading(&name, &view[i], FC_TABLE_JSON);
			fc_buf_adds(out, i ? ", " : "{");
			fc_json_quote(out, name.p, name.n);
			fc_buf_adds(out, ": ");
			if (x.kind == FC_CELL_NONE)
				fc_buf_adds(out, "null");
			else if (x.kind == FC_CELL_TEXT)
				fc_json_quote(out, x.text, strlen(x.text));
			else
				put_number(out, &x);
			if (i + 1 == n)
				fc_buf_adds(out, "}\n");
		}
	fc_buf_release(&name);
}

void fc_table_print(const struct fc_table *t, enum fc_table_format format, struct fc_buf *out)
{
	static void (*const print[])(
	    const struct fc_table *, const struct view *, size_t, struct fc_buf *) = {
	    [FC_TABLE_TEXT] = print_text, [FC_TABLE_TSV] = print_tsv, [FC_TABLE_JSON] = print_json};
	size_t n;
	struct view *view = new_views(t, format, &n);
	print[format](t, view, n, out);
	free(view);
}

int fc_table_write(struct fc_table *t, enum fc_table_format format, const struct fc_buf *more,
    const char *path, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_table_print(t, format, &b);
	if (more)
		fc_buf_add(&b, more->p, more->n);
	int rc = fc_out_whole(path, FC_OUT_TEXT, &b, e);
	fc_buf_release(&b);
	fc_table_release(t);
	return rc;
}
