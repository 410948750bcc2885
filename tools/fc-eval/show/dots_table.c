/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "fc-eval/show/dots.h"
#include "text/category.h"
#include "text/lines.h"

enum { MAX_COLUMNS = 64 };

/* Which columns of the table are drawn. */
struct columns {
	size_t model, group, value, low, high;
	char *unit; /* the value's name */
};

/* Cuts a line at its tabs; the number of cells, at most MAX_COLUMNS. */
static size_t cut(char *line, char *cell[MAX_COLUMNS])
{
	size_t n = 0;
	for (char *at = line; at && n < MAX_COLUMNS; n++) {
		cell[n] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = 0;
	}
	return n;
}

static bool find(
    char *const *cell, size_t n, const char *name, size_t n_name, const char *end, size_t *at)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(cell[i], name, n_name) && !strcmp(cell[i] + n_name, end)) {
			*at = i;
			return true;
		}
	return false;
}

static int find_columns(
    struct columns *c, char *const *cell, size_t n, const char *path, struct fc_err *e)
{
	if (!find(cell, n, "model", 5, "", &c->model) && !find(cell, n, "stream", 6, "", &c->model))
		return fc_fail(e, "%s: no column is named model or stream", path);
	if (!find(cell, n, "group", 5, "", &c->group))
		return fc_fail(e, "%s: no column is named group", path);
	for (size_t i = 0; i < n; i++) {
		const size_t length = strlen(cell[i]);
		if (strcmp(cell[i], "difference") != 0 &&
		    find(cell, n, cell[i], length, "_low", &c->low) &&
		    find(cell, n, cell[i], length, "_high", &c->high)) {
			c->value = i;
			c->unit = fc_strdup(cell[i]);
			return 0;
		}
	}
	return fc_fail(
	    e, "%s: no column has an interval, NAME_low and NAME_high beside NAME", path);
}

struct row {
	size_t model, group;
	double value, low, high;
};

struct table {
	struct columns c;
	struct fc_categories model, group;
	struct row *row;
	size_t n, cap;
};

/* An empty cell is NaN. */
static int read_number(const char *text, double *v, const char *where, struct fc_err *e)
{
	char *end;
	*v = *text ? strtod(text, &end) : NAN;
	if (*text && (end == text || *end || fabs(*v) > 1e100))
		return fc_fail(e, "%s: '%s' is no number", where, text);
	return 0;
}

static int read_row(
    struct table *t, char *const *cell, size_t n, const char *where, struct fc_err *e)
{
	const struct columns *c = &t->c;
	if (n <= c->model || n <= c->group || n <= c->value || n <= c->low || n <= c->high)
		return fc_fail(e, "%s: %zu columns are too few", where, n);
	FC_GROW(t->row, t->cap, t->n + 1);
	struct row *r = &t->row[t->n++];
	r->model = fc_categories_number(&t->model, cell[c->model]);
	r->group = fc_categories_number(&t->group, cell[c->group]);
	return read_number(cell[c->value], &r->value, where, e) < 0 ||
		read_number(cell[c->low], &r->low, where, e) < 0 ||
		read_number(cell[c->high], &r->high, where, e) < 0
	    ? -1
	    : 0;
}

static int read_rows(struct table *t, const char *path, struct fc_err *e)
{
	struct fc_lines *l;
	char *line, *cell[MAX_COLUMNS];
	size_t n;
	bool first = true;
	if (fc_lines_open(&l, path, e) < 0)
		return -1;
	int got;
	while ((got = fc_lines_next(l, &line, &n, e)) == 1) {
		n = cut(line, cell);
		if ((first ? find_columns(&t->c, cell, n, path, e)
			   : read_row(t, cell, n, fc_lines_where(l), e)) < 0) {
			got = -1;
			break;
		}
		first = false;
	}
	fc_lines_close(l);
	if (got == 0 && !t->n)
		return fc_fail(e, "%s: a table without rows", path);
	return got;
}

static const char *own(struct eval_dots *d, const char *text)
{
	return d->owned[d->n_owned++] = fc_strdup(text);
}

static void fill(struct eval_dots *d, const struct table *t)
{
	const size_t S = t->model.n, G = t->group.n;
	d->owned = FC_ARRAY(char *, S + G + 1);
	d->group = FC_ARRAY(const char *, G);
	d->series = FC_ARRAY(const char *, S);
	d->number = FC_ARRAY(size_t, S);
	d->value = FC_ARRAY(double, S *G);
	d->interval = FC_ARRAY(struct fc_interval, S * G);
	d->unit = own(d, t->c.unit);
	for (size_t g = 0; g < G; g++)
		d->group[d->n_group++] = own(d, t->group.name[g]);
	for (size_t s = 0; s < S; s++) {
		d->number[s] = s;
		d->series[d->n_series++] = own(d, t->model.name[s]);
	}
	for (size_t i = 0; i < S * G; i++) {
		d->value[i] = NAN;
		d->interval[i] = (struct fc_interval){NAN, NAN};
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct row *r = &t->row[i];
		const size_t at = r->model * G + r->group;
		d->value[at] = r->value;
		d->interval[at] = (struct fc_interval){r->low, r->high};
		d->low = fmin(d->low, fmin(r->value, r->low));
		d->high = fmax(d->high, fmax(r->value, r->high));
	}
}

int eval_dots_read(struct eval_dots *d, const char *path, struct fc_err *e)
{
	struct table t = {0};
	*d =
	    (struct eval_dots){.title = fc_path_last(path), .note = "lines: the table's intervals"};
	const int ret = read_rows(&t, path, e);
	if (ret == 0)
		fill(d, &t);
	free(t.c.unit);
	free(t.row);
	fc_categories_release(&t.model);
	fc_categories_release(&t.group);
	return ret;
}
