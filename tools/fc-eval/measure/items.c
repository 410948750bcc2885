/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/items.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct eval_item *eval_items_add(
    struct eval_items *s, const char *id, char *category, uint64_t print)
{
	FC_GROW(s->v, s->cap, s->n + 1);
	s->v[s->n] = (struct eval_item){.id = fc_strdup(id), .category = category, .print = print};
	return &s->v[s->n++];
}

void eval_items_release(struct eval_items *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].id);
		free(s->v[i].category);
		eval_scored_release(&s->v[i].scored);
	}
	free(s->v);
	*s = (struct eval_items){0};
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct eval_item *)a)->id, ((const struct eval_item *)b)->id);
}

static int sort_items(struct eval_items *s, const char *path, struct fc_err *e)
{
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, by_id);
	for (size_t i = 1; i < s->n; i++)
		if (!by_id(&s->v[i - 1], &s->v[i]))
			return fc_fail(e,
			    "%s: '%s' comes twice: nothing says which of them another stream's is",
			    path, s->v[i].id);
	return 0;
}

/* The least id that is next in a stream, or NULL at the end of all. */
static const char *next_id(const struct eval_items *s, const size_t *next, size_t n_stream)
{
	const char *least = NULL;
	for (size_t k = 0; k < n_stream; k++)
		if (next[k] < s[k].n && (!least || strcmp(s[k].v[next[k]].id, least) < 0))
			least = s[k].v[next[k]].id;
	return least;
}

int eval_items_join(struct eval_joined *m, struct eval_items *s, char *const *path, size_t n_stream,
    const char *what, struct fc_err *e)
{
	size_t *next = FC_ARRAY(size_t, n_stream), cap = 0;
	const char *id;
	int ret = 0;
	*m = (struct eval_joined){0};
	for (size_t k = 0; k < n_stream && ret == 0; k++)
		ret = sort_items(&s[k], path[k], e);
	while (ret == 0 && (id = next_id(s, next, n_stream))) {
		size_t first = SIZE_MAX;
		FC_GROW(m->at, cap, (m->n + 1) * n_stream);
		size_t *at = m->at + m->n++ * n_stream;
		for (size_t k = 0; k < n_stream; k++) {
			const struct eval_item *x = &s[k].v[next[k]];
			const bool has = next[k] < s[k].n && !strcmp(x->id, id);
			at[k] = has ? next[k]++ : SIZE_MAX;
			if (has && first == SIZE_MAX)
				first = k;
			if (has && x->print != s[first].v[at[first]].print)
				ret = fc_fail(e,
				    "%s: '%s' has %s than in %s: only the same is compared",
				    path[k], id, what, path[first]);
			if (ret < 0)
				break;
		}
	}
	free(next);
	if (ret < 0)
		eval_joined_release(m);
	return ret;
}

void eval_joined_release(struct eval_joined *m)
{
	free(m->at);
	*m = (struct eval_joined){0};
}
