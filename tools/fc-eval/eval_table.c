/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/eval_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"

struct eval_cell eval_cell_none(void)
{
	return (struct eval_cell){.kind = EVAL_CELL_NONE};
}

struct eval_cell eval_cell_text(const char *s)
{
	return s ? (struct eval_cell){.kind = EVAL_CELL_TEXT, .text = fc_strdup(s)}
		 : eval_cell_none();
}

struct eval_cell eval_cell_count(uint64_t n)
{
	return (struct eval_cell){.kind = EVAL_CELL_COUNT, .count = n};
}

struct eval_cell eval_cell_real(double v)
{
	return eval_cell_within(v, (struct fc_interval){NAN, NAN});
}

struct eval_cell eval_cell_within(double v, struct fc_interval i)
{
	return (struct eval_cell){.kind = EVAL_CELL_REAL, .real = v, .interval = i};
}

struct eval_cell eval_cell_share(uint64_t n, uint64_t of)
{
	return eval_cell_real(of ? (double)n / (double)of : NAN);
}

void eval_table_add(struct eval_table *t, const struct eval_cell *cell, size_t n)
{
	assert(n == t->n_column);
	FC_GROW(t->cell, t->cap, (t->n_row + 1) * n);
	memcpy(t->cell + t->n_row++ * n, cell, n * sizeof *cell);
}

void eval_table_release(struct eval_table *t)
{
	for (size_t i = 0; i < t->n_row * t->n_column; i++)
		free(t->cell[i].text);
	free(t->cell);
	t->cell = NULL;
	t->n_row = t->cap = 0;
}

static bool is_shown(const struct eval_column *c, enum fc_table_format format)
{
	return c->shown == EVAL_SHOWN_ALL ||
	    (c->shown == EVAL_SHOWN_PROGRAMS && format != FC_TABLE_TEXT);
}

/* Whether the column's bounds are columns of their own. */
static bool has_bounds(const struct eval_column *c, enum fc_table_format format)
{
	return c->interval == EVAL_INTERVAL_COLUMNS ||
	    (c->interval != EVAL_INTERVAL_NONE && format != FC_TABLE_TEXT);
}

static bool has_brackets(const struct eval_column *c, enum fc_table_format format)
{
	return c->interval == EVAL_INTERVAL_BRACKETS && format == FC_TABLE_TEXT;
}

static void add_columns(
    struct fc_table *out, const struct eval_column *c, enum fc_table_format format)
{
	static const char *const bound[] = {"low", "high"};
	struct fc_buf name = FC_BUF_INIT;
	const bool heading = c->heading && format == FC_TABLE_TEXT;
	fc_table_column(out, heading ? c->heading : c->name, c->decimals);
	if (has_brackets(c, format))
		fc_table_column(out, "95% interval", 0);
	for (size_t i = 0; has_bounds(c, format) && i < FC_LEN(bound); i++) {
		fc_buf_clear(&name);
		fc_buf_addf(&name, "%s_%s", c->name, bound[i]);
		fc_table_column(out, name.p, c->decimals);
	}
	fc_buf_release(&name);
}

static void add_brackets(struct fc_table *out, struct fc_interval i, int decimals)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "[%.*f, %.*f]", decimals, i.low, decimals, i.high);
	fc_table_text(out, b.p);
	fc_buf_release(&b);
}

static void add_cell(struct fc_table *out, const struct eval_cell *cell,
    const struct eval_column *c, enum fc_table_format format)
{
	switch (cell->kind) {
	case EVAL_CELL_NONE:
		fc_table_none(out);
		break;
	case EVAL_CELL_TEXT:
		fc_table_text(out, cell->text);
		break;
	case EVAL_CELL_COUNT:
		fc_table_int(out, cell->count);
		break;
	case EVAL_CELL_REAL:
		fc_table_real(out, cell->real);
		break;
	}
	if (has_bounds(c, format)) {
		fc_table_real(out, cell->interval.low);
		fc_table_real(out, cell->interval.high);
	} else if (has_brackets(c, format) && isnan(cell->interval.low)) {
		fc_table_none(out);
	} else if (has_brackets(c, format)) {
		add_brackets(out, cell->interval, c->decimals);
	}
}

void eval_table_append(const struct eval_table *t, enum fc_table_format format, struct fc_buf *out)
{
	struct fc_table *shown = fc_table_new();
	for (size_t c = 0; c < t->n_column; c++)
		if (is_shown(&t->column[c], format))
			add_columns(shown, &t->column[c], format);
	for (size_t i = 0; i < t->n_row * t->n_column; i++)
		if (is_shown(&t->column[i % t->n_column], format))
			add_cell(shown, &t->cell[i], &t->column[i % t->n_column], format);
	fc_table_print(shown, format, out);
	fc_table_free(shown);
}

int eval_text_write(const struct fc_buf *text, const char *path, struct fc_err *e)
{
	struct fc_out *out;
	if (fc_out_open(&out, path, FC_OUT_TEXT, e) < 0)
		return -1;
	if (fc_out_write(out, text->p ? text->p : "", text->n, e) < 0) {
		fc_out_abort(out);
		return -1;
	}
	return fc_out_commit(out, e);
}

void eval_table_print(struct eval_table *t, enum fc_table_format format, const char *path)
{
	struct fc_buf text = FC_BUF_INIT;
	struct fc_err e;
	eval_table_append(t, format, &text);
	eval_table_release(t);
	if (eval_text_write(&text, path, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_release(&text);
}
