/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/parameter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *varm_parameter_recipe_name(const struct parameter *p)
{
	return p->mergekit ? p->mergekit : p->name;
}

bool varm_parameter_is_called(const struct parameter *p, const char *name)
{
	return !strcmp(p->name, name) || (p->mergekit && !strcmp(p->mergekit, name));
}

double varm_parameter_get(const struct parameter *p, const void *from)
{
	const char *at = (const char *)from + p->offset;
	if (p->kind == PARAMETER_REAL)
		return *(const double *)at;
	return p->kind == PARAMETER_TRUTH ? *(const bool *)at : *(const int *)at;
}

void varm_parameter_put(const struct parameter *p, void *into, double x)
{
	char *at = (char *)into + p->offset;
	if (p->kind == PARAMETER_REAL)
		*(double *)at = x;
	else if (p->kind == PARAMETER_TRUTH)
		*(bool *)at = x != 0;
	else
		*(int *)at = (int)x;
}

static bool read_word(const struct parameter *p, const struct yaml *v, double *x)
{
	for (int i = 0; p->words[i]; i++) {
		*x = i;
		if (v->kind == YAML_TEXT && !strcmp(v->text, p->words[i]))
			return true;
	}
	return false;
}

bool varm_parameter_read(const struct parameter *p, const struct yaml *v, double *x)
{
	bool truth = false, good = false;
	int whole = 0;
	switch (p->kind) {
	case PARAMETER_REAL:
		return varm_yaml_real(v, x);
	case PARAMETER_WORD:
		return read_word(p, v, x);
	case PARAMETER_WHOLE:
		good = varm_yaml_int(v, &whole);
		*x = whole;
		break;
	case PARAMETER_TRUTH:
		good = varm_yaml_bool(v, &truth);
		*x = truth;
	}
	return good;
}

void varm_parameter_expected(struct fc_buf *b, const struct parameter *p)
{
	static const char *const kinds[] = {"a number", "a whole number", "true or false"};
	if (p->kind != PARAMETER_WORD)
		fc_buf_adds(b, kinds[p->kind]);
	for (int i = 0; p->kind == PARAMETER_WORD && p->words[i]; i++)
		fc_buf_addf(b, "%s%s", !i ? "" : p->words[i + 1] ? ", " : " or ", p->words[i]);
}

/* YAML 1.1 wants a point before an exponent. */
static void write_real(struct fc_buf *b, double x)
{
	char text[32];
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, x);
		if (strtod(text, NULL) == x)
			break;
	}
	size_t n = strcspn(text, "e");
	fc_buf_addf(
	    b, "%.*s%s%s", (int)n, text, text[n] && !memchr(text, '.', n) ? ".0" : "", text + n);
}

void varm_parameter_write(struct fc_buf *b, const struct parameter *p, double x)
{
	if (p->kind == PARAMETER_TRUTH)
		fc_buf_adds(b, x != 0 ? "true" : "false");
	else if (p->kind == PARAMETER_WORD)
		fc_buf_adds(b, p->words[(int)x]);
	else if (p->kind == PARAMETER_WHOLE)
		fc_buf_addf(b, "%d", (int)x);
	else
		write_real(b, x);
}

void varm_parameter_show(struct fc_buf *b, const struct parameter *p, double x)
{
	if (p->kind == PARAMETER_TRUTH)
		fc_buf_adds(b, x != 0 ? "yes" : "no");
	else if (p->kind == PARAMETER_WORD)
		fc_buf_adds(b, p->words[(int)x]);
	else
		fc_buf_addf(b, "%g", x);
}
