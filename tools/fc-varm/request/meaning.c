/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/meaning.h"

#include <string.h>

static bool has_meaning(const struct take *t, const struct parameter *p)
{
	return !t->idle && !strcmp(t->parameter->name, p->name) &&
	    !strcmp(t->parameter->help, p->help);
}

/* Whether a method before this one takes a parameter of the same meaning. */
static bool is_told(const struct method *before, const struct parameter *p)
{
	VARM_EACH_TAKE(m, t)
	{
		if (m == before)
			return false;
		if (has_meaning(t, p))
			return true;
	}
	return false;
}

const struct parameter *varm_meaning(const char *name, size_t k)
{
	VARM_EACH_TAKE(m, t)
	if (!t->idle && !strcmp(t->parameter->name, name) && !is_told(m, t->parameter) && !k--)
		return t->parameter;
	return NULL;
}

size_t varm_meaning_defaults(const struct parameter *p, double *usual, size_t max)
{
	size_t n = 0;
	VARM_EACH_TAKE(m, t)
	{
		size_t k = 0;
		while (k < n && usual[k] != varm_take_usual(t))
			k++;
		if (has_meaning(t, p) && k == n && n < max)
			usual[n++] = varm_take_usual(t);
	}
	return n;
}

size_t varm_meaning_methods(
    struct fc_buf *b, const struct parameter *p, const double *usual, const char *between)
{
	size_t n = 0;
	VARM_EACH_TAKE(m, t)
	if (has_meaning(t, p) && (!usual || varm_take_usual(t) == *usual))
		fc_buf_addf(b, "%s%s", n++ ? between : "", m->name);
	return n;
}
