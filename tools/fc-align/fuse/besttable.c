/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/besttable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/fuse/tablefile.h"
#include "text/category.h"

enum { GROUP, SOURCE, CE, N_COLUMN };

struct group {
	char *name;
	size_t best;
	double ce; /* cross-entropy of the best stream */
};

struct align_besttable {
	struct group *group; /* [n] */
	size_t n, cap;
	const char *const *names;
	size_t n_names;
};

static struct group *find_group(const struct align_besttable *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->group[i].name, name))
			return &t->group[i];
	return NULL;
}

static void read_row(struct align_besttable *t, const char *const *cell)
{
	size_t i = 0;
	while (i < t->n_names && strcmp(t->names[i], cell[SOURCE]) != 0)
		i++;
	if (i == t->n_names)
		return; /* a stream that is not fused now */
	char *end;
	double ce = strtod(cell[CE], &end);
	if (*end || end == cell[CE])
		ce = NAN; /* "-": the stream had no labels in this group */
	struct group *g = find_group(t, cell[GROUP]);
	if (!g) {
		FC_GROW(t->group, t->cap, t->n + 1);
		g = &t->group[t->n++];
		*g = (struct group){fc_strdup(cell[GROUP]), i, ce};
	} else if (ce < g->ce || (ce == g->ce && i < g->best) || (isnan(g->ce) && !isnan(ce))) {
		g->best = i;
		g->ce = ce;
	}
}

int align_besttable_open(struct align_besttable **out, const char *path, const char *const *names,
    size_t n, struct fc_err *e)
{
	static const char *const column[N_COLUMN] = {"group", "source", "ce"};
	struct align_besttable *t = FC_NEW(struct align_besttable);
	struct align_tablefile *file;
	const char *cell[N_COLUMN];
	t->names = names;
	t->n_names = n;
	int got = align_tablefile_open(&file, path, column, N_COLUMN, "fc-align fuse --report", e);
	while (got == 0 && (got = align_tablefile_next(file, cell, e)) > 0) {
		read_row(t, cell);
		got = 0;
	}
	align_tablefile_close(file);
	if (got == 0 && !find_group(t, FC_CATEGORY_ALL))
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
	return g ? g->best : find_group(t, FC_CATEGORY_ALL)->best;
}
