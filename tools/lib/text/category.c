/* SPDX-License-Identifier: Apache-2.0 */
#include "text/category.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int fc_category_name(
    const json_t *o, const char *field, const char *where, char **name, struct fc_err *e)
{
	const json_t *v = json_object_get(o, field);
	struct fc_buf b = FC_BUF_INIT;
	if (json_is_string(v))
		fc_buf_add(&b, json_string_value(v), json_string_length(v));
	else if (json_is_number(v) || json_is_boolean(v))
		fc_json_dump(&b, v);
	else
		fc_buf_adds(&b, FC_CATEGORY_NONE);
	*name = fc_buf_detach(&b);
	if (strcmp(*name, FC_CATEGORY_ALL) != 0)
		return 0;
	free(*name);
	*name = NULL;
	return fc_fail(e,
	    "%s: a category (\"%s\") is called '" FC_CATEGORY_ALL
	    "', as tables call all of them together; give it another name",
	    where, field);
}

int fc_category_parse(
    const char *json, size_t n, const char *field, const char *where, char **name, struct fc_err *e)
{
	json_t *o = NULL;
	if (n && !(o = fc_json_text(json, n, where, e)))
		return -1;
	const int rc = fc_category_name(o, field, where, name, e);
	json_decref(o);
	return rc;
}

size_t fc_categories_number(struct fc_categories *c, const char *name)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(c->name[c->sorted[mid]], name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < c->n && !strcmp(c->name[c->sorted[lo]], name))
		return c->sorted[lo];
	FC_GROW(c->name, c->cap, c->n + 1);
	FC_GROW(c->sorted, c->cap_sorted, c->n + 1);
	memmove(c->sorted + lo + 1, c->sorted + lo, (c->n - lo) * sizeof *c->sorted);
	c->sorted[lo] = c->n;
	c->name[c->n] = fc_strdup(name);
	return c->n++;
}

void fc_categories_release(struct fc_categories *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->name[i]);
	free(c->name);
	free(c->sorted);
	*c = (struct fc_categories){0};
}
