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

struct column {
	char *name;
	int decimals;
};

enum cell_kind { CELL_NONE, CELL_TEXT, CELL_INT, CELL_REAL };
struct cell {
	enum cell_kind kind;
	char *text;
	uint64_t i;
	double r;
};

struct fc_table {
	struct column *column;
	size_t n_column, cap_column;
	struct cell *cell; /* rows of n_column */
	size_t n_cell, cap_cell;
};

struct fc_table *fc_table_new(void)
{
	return FC_NEW(struct fc_table);
}

void fc_table_free(struct fc_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cell; i++)
		free(t->cell[i].text);
	for (size_t i = 0; i < t->n_column; i++)
		free(t->column[i].name);
	free(t->cell);
	free(t->column);
	free(t);
}

void fc_table_column(struct fc_table *t, const char *name, int decimals)
{
	assert(t->n_cell == 0);
	FC_GROW(t->column, t->cap_column, t->n_column + 1);
	t->column[t->n_column++] = (struct column){fc_strdup(name), decimals};
}

static void add_cell(struct fc_table *t, struct cell c)
{
	FC_GROW(t->cell, t->cap_cell, t->n_cell + 1);
	t->cell[t->n_cell++] = c;
}

void fc_table_text(struct fc_table *t, const char *s)
{
	add_cell(t, (struct cell){.kind = CELL_TEXT, .text = fc_strdup(s)});
}

void fc_table_int(struct fc_table *t, uint64_t v)
{
	add_cell(t, (struct cell){.kind = CELL_INT, .i = v});
}

void fc_table_real(struct fc_table *t, double v)
{
	add_cell(t, (struct cell){.kind = isfinite(v) ? CELL_REAL : CELL_NONE, .r = v});
}

void fc_table_none(struct fc_table *t)
{
	add_cell(t, (struct cell){.kind = CELL_NONE});
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

/* The cell as FC_TABLE_TEXT shows it. */
static void show_cell(const struct fc_table *t, size_t i, struct fc_buf *b)
{
	const struct cell *c = &t->cell[i];
	switch (c->kind) {
	case CELL_NONE:
		fc_buf_addc(b, '-');
		break;
	case CELL_TEXT:
		show_text(c->text, b);
		break;
	case CELL_INT:
		fc_buf_addf(b, "%" PRIu64, c->i);
		break;
	case CELL_REAL:
		fc_buf_addf(b, "%.*f", t->column[i % t->n_column].decimals, c->r);
		break;
	}
}

static size_t width_of(const char *p, size_t n)
{
	size_t w = 0;
	for (size_t i = 0; i < n; w++) {
		size_t len = fc_utf8_valid(p + i, n - i);
		i += len ? len : 1;
	}
	return w;
}

/* A column of words leans left, one of numbers right. */
static bool leans_left(const struct fc_table *t, size_t column)
{
	for (size_t i = column; i < t->n_cell; i += t->n_column)
		if (t->cell[i].kind == CELL_TEXT)
			return true;
	return false;
}

static void pad_cell(struct fc_buf *b, size_t n)
{
	while (n--)
		fc_buf_addc(b, ' ');
}

static void put_aligned(
    const struct fc_table *t, size_t column, const struct fc_buf *s, size_t w, struct fc_buf *out)
{
	size_t gap = w - width_of(s->p, s->n);
	bool left = leans_left(t, column);
	if (column)
		pad_cell(out, 2);
	if (!left)
		pad_cell(out, gap);
	fc_buf_add(out, s->p, s->n);
	if (left && column + 1 < t->n_column)
		pad_cell(out, gap);
}

static void print_text(const struct fc_table *t, struct fc_buf *out)
{
	size_t *w = FC_ARRAY(size_t, t->n_column);
	struct fc_buf s = FC_BUF_INIT;
	for (size_t c = 0; c < t->n_column; c++)
		w[c] = strlen(t->column[c].name);
	for (size_t i = 0; i < t->n_cell; i++) {
		fc_buf_clear(&s);
		show_cell(t, i, &s);
		size_t n = width_of(s.p, s.n), c = i % t->n_column;
		w[c] = n > w[c] ? n : w[c];
	}
	for (size_t c = 0; c < t->n_column; c++) {
		fc_buf_clear(&s);
		fc_buf_adds(&s, t->column[c].name);
		put_aligned(t, c, &s, w[c], out);
	}
	fc_buf_addc(out, '\n');
	for (size_t i = 0; i < t->n_cell; i++) {
		fc_buf_clear(&s);
		show_cell(t, i, &s);
		put_aligned(t, i % t->n_column, &s, w[i % t->n_column], out);
		if ((i + 1) % t->n_column == 0)
			fc_buf_addc(out, '\n');
	}
	fc_buf_release(&s);
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

static void put_number(struct fc_buf *out, const struct cell *c)
{
	if (c->kind == CELL_INT)
		fc_buf_addf(out, "%" PRIu64, c->i);
	else
		fc_buf_addf(out, "%.9g", c->r);
}

static void print_tsv(const struct fc_table *t, struct fc_buf *out)
{
	for (size_t c = 0; c < t->n_column; c++)
		fc_buf_addf(out, "%s%s", c ? "\t" : "", t->column[c].name);
	fc_buf_addc(out, '\n');
	for (size_t i = 0; i < t->n_cell; i++) {
		const struct cell *c = &t->cell[i];
		if (c->kind == CELL_TEXT)
			put_escaped(out, c->text);
		else if (c->kind != CELL_NONE)
			put_number(out, c);
		fc_buf_addc(out, (i + 1) % t->n_column ? '\t' : '\n');
	}
}

static void print_json(const struct fc_table *t, struct fc_buf *out)
{
	for (size_t i = 0; i < t->n_cell; i++) {
		const struct cell *c = &t->cell[i];
		const char *name = t->column[i % t->n_column].name;
		fc_buf_adds(out, i % t->n_column ? ", " : "{");
		fc_json_quote(out, name, strlen(name));
		fc_buf_adds(out, ": ");
		if (c->kind == CELL_NONE)
			fc_buf_adds(out, "null");
		else if (c->kind == CELL_TEXT)
			fc_json_quote(out, c->text, strlen(c->text));
		else
			put_number(out, c);
		if ((i + 1) % t->n_column == 0)
			fc_buf_adds(out, "}\n");
	}
}

void fc_table_print(const struct fc_table *t, enum fc_table_format format, struct fc_buf *out)
{
	assert(t->n_column && t->n_cell % t->n_column == 0);
	switch (format) {
	case FC_TABLE_TEXT:
		print_text(t, out);
		break;
	case FC_TABLE_TSV:
		print_tsv(t, out);
		break;
	case FC_TABLE_JSON:
		print_json(t, out);
		break;
	}
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
	fc_table_free(t);
	return rc;
}
