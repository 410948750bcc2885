/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/fuse/mixweights.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-align/fuse/tablefile.h"

#define MADE_BY "fc-align verdict --weights"

void align_mixweights_release(struct align_mixweights *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->group[i].name);
		free(w->group[i].w);
	}
	free(w->group);
	*w = (struct align_mixweights){0};
}

static struct align_mixgroup *add_group(struct align_mixweights *w, const char *name)
{
	FC_GROW(w->group, w->cap, w->n + 1);
	struct align_mixgroup *g = &w->group[w->n++];
	*g = (struct align_mixgroup){.name = fc_strdup(name), .w = FC_ARRAY(double, w->m)};
	return g;
}

static struct align_mixgroup *find_group(const struct align_mixweights *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->group[i].name, name))
			return &w->group[i];
	return NULL;
}

const double *align_mixweights_find(const struct align_mixweights *w, const char *category)
{
	const struct align_mixgroup *g = category ? find_group(w, category) : NULL;
	return g ? g->w : w->group[0].w;
}

static bool is_in(const struct align_dev_conversation *c, int fold, size_t category)
{
	return c->fold != fold && (category == SIZE_MAX || c->category == category);
}

/* Probabilities of these conversations' labels, each label's relative to the members' largest.
 * Returns how many labels. */
static size_t gather_probs(
    const struct align_devset *d, size_t first, int fold, size_t category, float **p)
{
	size_t n = 0, m = d->n - first;
	for (size_t c = 0; c < d->n_conv; c++)
		n += is_in(&d->conv[c], fold, category) ? d->conv[c].n : 0;
	float *to = *p = fc_calloc(n ? n : 1, m * sizeof *to);
	for (size_t c = 0; c < d->n_conv; c++) {
		const struct align_dev_conversation *v = &d->conv[c];
		if (!is_in(v, fold, category))
			continue;
		for (size_t i = v->first; i < v->first + v->n; i++, to += m) {
			const float *from = d->logprob + i * d->n + first;
			float most = from[0];
			for (size_t j = 1; j < m; j++)
				most = fmaxf(most, from[j]);
			for (size_t j = 0; j < m; j++)
				to[j] = expf(from[j] - most);
		}
	}
	return n;
}

int align_mixweights_fit(struct align_mixweights *w, const struct align_devset *d, size_t first,
    int fold, double prior, struct fc_err *e)
{
	float *p;
	*w = (struct align_mixweights){.m = d->n - first};
	struct align_mixgroup *g = add_group(w, FC_CATEGORY_ALL);
	g->n_label = gather_probs(d, first, fold, SIZE_MAX, &p);
	if (g->n_label)
		g->end = align_mixfit(p, g->n_label, w->m, 0, NULL, g->w);
	free(p);
	if (!g->n_label)
		return fc_fail(e, "no label for which all streams have a row%s",
		    fold < 0 ? "" : " in one half of the conversations; give more of them");
	for (size_t i = 0; i < d->categories.n; i++) {
		size_t k = d->categories.sorted[i];
		g = add_group(w, d->categories.name[k]);
		g->n_label = gather_probs(d, first, fold, k, &p);
		if (g->n_label)
			g->end = align_mixfit(p, g->n_label, w->m, prior, w->group[0].w, g->w);
		else
			memcpy(g->w, w->group[0].w, w->m * sizeof *g->w);
		free(p);
	}
	return 0;
}

struct fc_table align_mixweights_table(const struct align_mixweights *w, const char *const *names)
{
	static const struct fc_column columns[] = {FC_COLUMN("group"), FC_COLUMN("source"),
	    FC_COLUMN("weight", .decimals = 4), FC_COLUMN("labels")};
	struct fc_table t = FC_TABLE(columns);
	for (size_t i = 0; i < w->n; i++)
		for (size_t j = 0; j < w->m; j++)
			FC_TABLE_ROW(&t, fc_cell_text(w->group[i].name), fc_cell_text(names[j]),
			    fc_cell_real(w->group[i].w[j]), fc_cell_count(w->group[i].n_label));
	return t;
}

enum { GROUP, SOURCE, WEIGHT, N_COLUMN };

static int read_row(struct align_mixweights *w, const char *const *cell, const char *where,
    const char *const *names, struct fc_err *e)
{
	char *end;
	double v = strtod(cell[WEIGHT], &end);
	if (*end || end == cell[WEIGHT] || !(v >= 0 && v <= 1))
		return fc_fail(
		    e, "%s: weight '%s', expected a number from 0 to 1", where, cell[WEIGHT]);
	size_t j = 0;
	while (j < w->m && strcmp(names[j], cell[SOURCE]) != 0)
		j++;
	if (j == w->m)
		return v > 0 ? fc_fail(e,
				   "%s: '%s' has weight %g, but is none of the streams; weights "
				   "were fitted together and hold for all of them alone",
				   where, cell[SOURCE], v)
			     : 0;
	struct align_mixgroup *g = find_group(w, cell[GROUP]);
	if (!g) {
		g = add_group(w, cell[GROUP]);
		for (size_t k = 0; k < w->m; k++)
			g->w[k] = NAN;
	}
	if (!isnan(g->w[j]))
		return fc_fail(e, "%s: a second weight of '%s' in group '%s'", where, cell[SOURCE],
		    cell[GROUP]);
	g->w[j] = v;
	return 0;
}

/* Does the group have a weight for every member, and do they sum to 1 up to the decimals they are
 * written with? */
static int check_group(const struct align_mixweights *w, struct align_mixgroup *g, const char *path,
    const char *const *names, struct fc_err *e)
{
	double sum = 0;
	for (size_t j = 0; j < w->m; j++) {
		if (isnan(g->w[j]))
			return fc_fail(e,
			    "%s: group '%s' has no weight for '%s'; fit them again with " MADE_BY,
			    path, g->name, names[j]);
		sum += g->w[j];
	}
	if (fabs(sum - 1) > 1e-6)
		return fc_fail(
		    e, "%s: the weights of group '%s' add up to %g, not to 1", path, g->name, sum);
	for (size_t j = 0; j < w->m; j++)
		g->w[j] /= sum;
	return 0;
}

/* The common group comes first. */
static int check_groups(
    struct align_mixweights *w, const char *path, const char *const *names, struct fc_err *e)
{
	struct align_mixgroup *all = find_group(w, FC_CATEGORY_ALL);
	if (!all)
		return fc_fail(e, "%s has no group '" FC_CATEGORY_ALL "' with these streams", path);
	struct align_mixgroup swap = *all;
	*all = w->group[0];
	w->group[0] = swap;
	for (size_t i = 0; i < w->n; i++)
		if (check_group(w, &w->group[i], path, names, e) < 0)
			return -1;
	return 0;
}

int align_mixweights_read(struct align_mixweights *w, const char *path, const char *const *names,
    size_t m, struct fc_err *e)
{
	static const char *const column[N_COLUMN] = {"group", "source", "weight"};
	struct align_tablefile *file;
	const char *cell[N_COLUMN];
	*w = (struct align_mixweights){.m = m};
	if (align_mixweights_check_names(names, m, e) < 0)
		return -1;
	int got = align_tablefile_open(&file, path, column, N_COLUMN, MADE_BY, e);
	while (got == 0 && (got = align_tablefile_next(file, cell, e)) > 0)
		got = read_row(w, cell, align_tablefile_where(file), names, e);
	align_tablefile_close(file);
	return got < 0 ? -1 : check_groups(w, path, names, e);
}

int align_mixweights_check_names(const char *const *names, size_t m, struct fc_err *e)
{
	for (size_t j = 1; j < m; j++)
		for (size_t i = 0; i < j; i++)
			if (!strcmp(names[i], names[j]))
				return fc_fail(e,
				    "two streams are called '%s'; capture one of them with "
				    "another fc-infer --name",
				    names[i]);
	return 0;
}
