/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of which models stand for the tokens of the result. */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "fc-varm/source/vocabulary.h"
#include "fc-varm/source/vocabulary_rows.h"

#define NONE (-1)

/* A tensor of all models of a slice. */
struct mapping {
	const struct vocabulary *v;
	const struct values *values;       /* [n] */
	const size_t *model;               /* [n] */
	size_t n, n_token;                 /* n_token: ids of the result are below it */
	int base;                          /* an index into model[], or NONE */
	int32_t *own;                      /* [n][n_token] row of model k for a token, or NONE */
	const struct recipe_token **asked; /* [n_token] what the recipe says, or NULL */
};

static int32_t *own(const struct mapping *m, size_t k)
{
	return m->own + k * m->n_token;
}

static size_t count_tokens(const struct vocabulary *v)
{
	size_t n = 0;
	const char *token;
	json_t *id;
	json_object_foreach(v->token, token, id)
	{
		size_t i = (size_t)json_integer_value(id) + 1;
		n = i > n ? i : n;
	}
	return n;
}

static void find_own(struct mapping *m)
{
	const char *token;
	json_t *id;
	for (size_t i = 0; i < m->n * m->n_token; i++)
		m->own[i] = NONE;
	json_object_foreach(m->v->token, token, id)
	{
		for (size_t k = 0; k < m->n; k++) {
			const json_t *old = json_object_get(m->v->of[m->model[k]], token);
			if (old && json_integer_value(old) < m->values[k].t.dim[0])
				own(m, k)[json_integer_value(id)] =
				    (int32_t)json_integer_value(old);
		}
	}
	for (size_t i = 0; i < m->v->recipe->n_token; i++) {
		const struct recipe_token *t = &m->v->recipe->token[i];
		id = json_object_get(m->v->token, t->token);
		m->asked[json_integer_value(id)] = t; /* varm_vocabulary_open() added it */
	}
}

static int place_of(const struct mapping *m, size_t model)
{
	for (size_t k = 0; k < m->n; k++)
		if (m->model[k] == model)
			return (int)k;
	return NONE;
}

/* The row that the recipe asks for; *n is 0 for zeros. */
static int find_asked(const struct mapping *m, const struct recipe_token *t, size_t id,
    struct vocabulary_row *row, size_t *n, struct fc_err *e)
{
	int k = t->source == TOKEN_ZERO ? 0 : place_of(m, t->model);
	int64_t at = t->id;
	*n = t->source != TOKEN_ZERO;
	if (!*n)
		return 0;
	if (k < 0)
		return varm_recipe_fail(m->v->recipe, t->line, e,
		    "token '%.64s' comes from a model that is not merged into tensor %s", t->token,
		    m->values[0].t.name);
	if (t->source == TOKEN_SAME)
		at = own(m, (size_t)k)[id];
	else if (t->other) {
		const json_t *old = json_object_get(m->v->of[t->model], t->other);
		at = old ? json_integer_value(old) : NONE;
	}
	if (at < 0 || at >= m->values[k].t.dim[0])
		return varm_recipe_fail(m->v->recipe, t->line, e,
		    "token '%.64s': no such token or row in the model",
		    t->other ? t->other : t->token);
	*row = (struct vocabulary_row){(uint32_t)k, (uint32_t)at};
	return 0;
}

/* What stands for the token in models that lack it: *n rows, of which the mean is taken. */
static int find_substitute(
    const struct mapping *m, size_t id, struct vocabulary_row *row, size_t *n, struct fc_err *e)
{
	if (m->asked[id])
		return find_asked(m, m->asked[id], id, row, n, e);
	*n = 0;
	for (size_t k = 0; k < m->n; k++)
		if (own(m, k)[id] != NONE)
			row[(*n)++] = (struct vocabulary_row){(uint32_t)k, (uint32_t)own(m, k)[id]};
	if (*n > 1 && m->base != NONE && own(m, (size_t)m->base)[id] != NONE) {
		*row = (struct vocabulary_row){
		    (uint32_t)m->base, (uint32_t)own(m, (size_t)m->base)[id]};
		*n = 1;
	}
	return 0;
}

/* The rows of model k's tensor in the result's vocabulary, given a values of each. */
static int fill_rows(
    const struct mapping *m, size_t k, struct vocabulary_rows *to, struct fc_err *e)
{
	struct vocabulary_row *row = FC_ARRAY(struct vocabulary_row, m->n + 1);
	int ret = 0;
	for (size_t id = 0; id < m->n_token && ret == 0; id++) {
		size_t n = 1;
		if (own(m, k)[id] != NONE && !(m->asked[id] && m->asked[id]->force))
			*row = (struct vocabulary_row){(uint32_t)k, (uint32_t)own(m, k)[id]};
		else
			ret = find_substitute(m, id, row, &n, e);
		/* The tensor before is the first values. */
		for (size_t i = 0; i < n; i++)
			row[i].values =
			    row[i].values == k ? 0 : row[i].values + (row[i].values < k);
		if (ret == 0)
			varm_vocabulary_rows_add(to, id, row, n);
	}
	free(row);
	return ret;
}

static int check_shapes(const struct mapping *m, struct fc_err *e)
{
	char have[192], want[192];
	for (size_t k = 0; k < m->n; k++) {
		struct fc_tensor a = m->values[k].t, b = m->values[0].t;
		bool empty = a.n_dim < 1 || a.dim[0] < 1 || a.dim[0] > INT32_MAX;
		if (!empty && a.n_dim == b.n_dim)
			a.dim[0] = b.dim[0];
		if (empty || !fc_tensor_same_shape(&a, &b))
			return fc_fail(e, "tensor %s has shape %s, tensor %s %s",
			    m->values[k].t.name, fc_tensor_shape_text(&m->values[k].t, have),
			    b.name, fc_tensor_shape_text(&b, want));
	}
	return 0;
}

static struct values *values_from(const struct mapping *m, size_t k)
{
	struct values *f = FC_ARRAY(struct values, m->n);
	f[0] = m->values[k];
	for (size_t i = 0, n = 1; i < m->n; i++)
		if (i != k)
			f[n++] = m->values[i];
	return f;
}

static int map_values(
    struct vocabulary *v, struct mapping *m, struct values *result, struct fc_err *e)
{
	find_own(m);
	for (size_t k = 0; k < m->n; k++) {
		struct vocabulary_rows *rows =
		    varm_vocabulary_rows_new(values_from(m, k), m->n, m->n_token);
		FC_GROW(v->rows, v->cap_rows, v->n_rows + 1);
		v->rows[v->n_rows++] = rows;
		if (fill_rows(m, k, rows, e) < 0)
			return -1;
		result[k] = varm_vocabulary_rows_values(rows, v->n_row);
	}
	return 0;
}

int varm_vocabulary_map(struct vocabulary *v, struct values *values, const size_t *model, size_t n,
    int base, struct fc_err *e)
{
	struct mapping m = {.v = v,
	    .values = values,
	    .model = model,
	    .n = n,
	    .n_token = count_tokens(v),
	    .base = NONE};
	struct values *result = FC_ARRAY(struct values, n);
	if (base >= 0)
		m.base = place_of(&m, (size_t)base);
	m.own = FC_ARRAY(int32_t, n * m.n_token + 1);
	m.asked = FC_ARRAY(const struct recipe_token *, m.n_token + 1);
	int ret = check_shapes(&m, e);
	if (ret == 0)
		ret = map_values(v, &m, result, e);
	if (ret == 0)
		memcpy(values, result, n * sizeof *values);
	free(result);
	free(m.own);
	free(m.asked);
	return ret;
}
