/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/csv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define CSV_MAX ((size_t)256 << 20) /* bytes of a file */

struct cursor {
	const char *p, *end;
	struct fc_buf cell;
};

/* Reads a cell; true if the row goes on behind it. */
static bool next_cell(struct cursor *c)
{
	bool quoted = c->p < c->end && *c->p == '"';
	fc_buf_clear(&c->cell);
	c->p += quoted;
	for (; c->p < c->end; c->p++) {
		if (quoted && *c->p == '"') {
			if (c->p + 1 < c->end && c->p[1] == '"')
				c->p++;
			else {
				quoted = false;
				continue;
			}
		} else if (!quoted && (*c->p == ',' || *c->p == '\n')) {
			break;
		}
		fc_buf_addc(&c->cell, *c->p);
	}
	bool more = c->p < c->end && *c->p == ',';
	if (!more && c->cell.n && c->cell.p[c->cell.n - 1] == '\r')
		c->cell.p[--c->cell.n] = 0;
	c->p += c->p < c->end;
	return more;
}

static double cell_value(const struct fc_buf *cell)
{
	char *end;
	if (!cell->n)
		return NAN;
	double v = strtod(cell->p, &end);
	if (!strcmp(cell->p, "True"))
		return 1;
	if (!strcmp(cell->p, "False"))
		return 0;
	return *end ? NAN : v;
}

static void read_names(struct eval_csv *t, struct cursor *c)
{
	size_t cap = 0;
	bool more;
	do {
		more = next_cell(c);
		FC_GROW(t->name, cap, t->n_column + 1);
		t->name[t->n_column++] = fc_strdup(c->cell.p ? c->cell.p : "");
	} while (more);
}

static int read_rows(struct eval_csv *t, struct cursor *c, const char *path, struct fc_err *e)
{
	while (c->p < c->end) {
		size_t n = 0;
		bool more;
		FC_GROW(t->v, t->cap, (t->n_row + 1) * t->n_column);
		do {
			more = next_cell(c);
			if (n < t->n_column)
				t->v[t->n_row * t->n_column + n] = cell_value(&c->cell);
			n++;
		} while (more);
		if (n == 1 && !c->cell.n) /* a blank line */
			continue;
		if (n != t->n_column)
			return fc_fail(e, "%s: row %zu has %zu cells, not %zu", path, t->n_row + 1,
			    n, t->n_column);
		t->n_row++;
	}
	return 0;
}

int eval_csv_read(struct eval_csv *t, const char *path, struct fc_err *e)
{
	struct fc_buf text = FC_BUF_INIT;
	*t = (struct eval_csv){0};
	if (fc_file_read_any(path, CSV_MAX, &text, e) < 0)
		return -1;
	struct cursor c = {.p = text.p, .end = text.p + text.n};
	int ret = 0;
	if (text.n) {
		read_names(t, &c);
		ret = read_rows(t, &c, path, e);
	}
	fc_buf_release(&c.cell);
	fc_buf_release(&text);
	return ret;
}

void eval_csv_release(struct eval_csv *t)
{
	for (size_t i = 0; i < t->n_column; i++)
		free(t->name[i]);
	free(t->name);
	free(t->v);
	*t = (struct eval_csv){0};
}

int eval_csv_column(
    const struct eval_csv *t, const char *name, const char *path, size_t *column, struct fc_err *e)
{
	for (*column = 0; *column < t->n_column; ++*column)
		if (!strcmp(t->name[*column], name))
			return 0;
	return fc_fail(e, "%s: no column %s", path, name);
}
