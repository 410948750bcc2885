/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/besttable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/lines.h"

enum { N_COLUMN = 3 };

struct group {
	char *name;
	size_t best;
	double ce; /* of the best */
};

struct align_besttable {
	struct group *group; /* [n] */
	size_t n, cap;
	const char *const *label;
	size_t n_label;
	int column[N_COLUMN]; /* of group, source, ce; -1: not seen */
};

/* The cells of a line that the columns are; cells that are not there are empty. */
static void cut(char *line, const int *column, const char **cell)
{
	for (int i = 0; i < N_COLUMN; i++)
		cell[i] = "";
	for (int at = 0; line; at++) {
		char *tab = strchr(line, '\t');
		if (tab)
			*tab = 0;
		for (int i = 0; i < N_COLUMN; i++)
			if (column[i] == at)
				cell[i] = line;
		line = tab ? tab + 1 : NULL;
	}
}

static int read_names(struct align_besttable *t, char *line, const char *where, struct fc_err *e)
{
	static const char *const name[N_COLUMN] = {"group", "source", "ce"};
	for (int i = 0; i < N_COLUMN; i++)
		t->column[i] = -1;
	for (int at = 0; line; at++) {
		char *tab = strchr(line, '\t');
		if (tab)
			*tab = 0;
		for (int i = 0; i < N_COLUMN; i++)
			if (!strcmp(line, name[i]))
				t->column[i] = at;
		line = tab ? tab + 1 : NULL;
	}
	for (int i = 0; i < N_COLUMN; i++)
		if (t->column[i] < 0)
			return fc_fail(e,
			    "%s: no column '%s'; expected what fc-align fuse --report writes",
			    where, name[i]);
	return 0;
}

static struct group *find_group(const struct align_besttable *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->group[i].name, name))
			return &t->group[i];
	return NULL;
}

static void read_row(struct align_besttable *t, char *line)
{
	const char *cell[N_COLUMN];
	cut(line, t->column, cell);
	size_t i = 0;
	while (i < t->n_label && strcmp(t->label[i], cell[1]) != 0)
		i++;
	if (i == t->n_label)
		return; /* of a stream that is not fused now */
	char *end;
	double ce = strtod(cell[2], &end);
	if (*end || end == cell[2])
		ce = NAN; /* "-": it had no labels there */
	struct group *g = find_group(t, cell[0]);
	if (!g) {
		FC_GROW(t->group, t->cap, t->n + 1);
		g = &t->group[t->n++];
		*g = (struct group){fc_strdup(cell[0]), i, ce};
	} else if (ce < g->ce || (ce == g->ce && i < g->best) || (isnan(g->ce) && !isnan(ce))) {
		g->best = i;
		g->ce = ce;
	}
}

int align_besttable_open(struct align_besttable **out, const char *path, const char *const *label,
    size_t n, struct fc_err *e)
{
	struct align_besttable *t = FC_NEW(struct align_besttable);
	struct fc_lines *lines = NULL;
	char *line;
	size_t len;
	int got = -1;
	t->label = label;
	t->n_label = n;
	if (fc_lines_open(&lines, path, e) == 0)
		for (bool first = true; (got = fc_lines_next(lines, &line, &len, e)) > 0;
		     first = false) {
			const char *where = fc_lines_where(lines);
			if (!first) {
				read_row(t, line);
			} else if (read_names(t, line, where, e) < 0) {
				got = -1;
				break;
			}
		}
	if (lines)
		fc_lines_close(lines);
	if (got == 0 && !find_group(t, "all"))
		got = fc_fail(e, "%s has no group 'all' with one of these streams", path);
	if (got < 0) {
		align_besttable_free(t);
		t = NULL;
	}
	*out = t;
	return got;
}

void align_besttable_free(struct align_besttable *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->group[i].name);
	free(t->group);
	free(t);
}

size_t align_besttable_find(const struct align_besttable *t, const char *category)
{
	const struct group *g = category ? find_group(t, category) : NULL;
	return g ? g->best : find_group(t, "all")->best;
}
