/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/judge/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/jsonl.h"

static int kind_of(const char *format, enum eval_verdict_kind *kind)
{
	static const char *const formats[] = {
	    [EVAL_VERDICT_RATING] = "[[rating]]",
	    [EVAL_VERDICT_RATINGS] = "[[rating_a,rating_b]]",
	    [EVAL_VERDICT_WINNER] = "[[A]]",
	    [EVAL_VERDICT_ARENA] = "[[A>B]]",
	};
	for (size_t i = 0; i < FC_LEN(formats); i++) {
		*kind = (enum eval_verdict_kind)i;
		if (!strcmp(format, formats[i]))
			return 0;
	}
	return -1;
}

static int read_prompt(
    void *ctx /* struct eval_prompts */, json_t *o, const char *where, struct fc_err *e)
{
	struct eval_prompts *all = ctx;
	const char *format;
	FC_GROW(all->v, all->cap, all->n + 1);
	struct eval_prompt *p = &all->v[all->n++];
	*p = (struct eval_prompt){.o = o};
	if (fc_json_str(o, "name", NULL, &p->name, where, e) < 0 ||
	    fc_json_str(o, "output_format", NULL, &format, where, e) < 0)
		return -1;
	const json_t *system = json_object_get(o, "system_prompt"),
		     *pattern = json_object_get(o, "prompt_template");
	if (!p->name || !format || !json_is_string(system) || !json_is_string(pattern))
		return fc_fail(e,
		    "%s: expected a judge's prompt: texts name, system_prompt, prompt_template, "
		    "output_format",
		    where);
	if (kind_of(format, &p->kind) < 0)
		return fc_fail(e,
		    "%s: output_format: '%s' is none of [[rating]], [[A]], [[rating_a,rating_b]], "
		    "[[A>B]]",
		    where, format);
	p->system = eval_span_json(system);
	p->pattern = eval_span_json(pattern);
	return 0;
}

int eval_prompts_read(struct eval_prompts *p, const char *path, struct fc_err *e)
{
	*p = (struct eval_prompts){0};
	return fc_jsonl_each(path, read_prompt, p, e);
}

void eval_prompts_release(struct eval_prompts *p)
{
	for (size_t i = 0; i < p->n; i++)
		json_decref(p->v[i].o);
	free(p->v);
	*p = (struct eval_prompts){0};
}

const struct eval_prompt *eval_prompts_find(const struct eval_prompts *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

static const struct eval_field *find_field(
    const struct eval_field *field, size_t n_field, const char *name, size_t n)
{
	for (size_t i = 0; i < n_field; i++)
		if (strlen(field[i].name) == n && !memcmp(field[i].name, name, n))
			return &field[i];
	return NULL;
}

int eval_prompt_fill(const struct eval_prompt *p, const struct eval_field *field, size_t n_field,
    struct fc_buf *out, struct fc_err *e)
{
	const char *s = p->pattern.p, *end = s + p->pattern.n;
	while (s < end) {
		if (*s != '{' && *s != '}') {
			fc_buf_addc(out, *s++);
			continue;
		}
		if (s + 1 < end && s[1] == *s) {
			fc_buf_addc(out, *s);
			s += 2;
			continue;
		}
		const char *close = *s == '{' ? memchr(s, '}', (size_t)(end - s)) : NULL;
		if (!close)
			return fc_fail(e, "prompt %s: a single '%c' at byte %zu of its template",
			    p->name, *s, (size_t)(s - p->pattern.p));
		size_t n = (size_t)(close - s) - 1;
		const struct eval_field *f = find_field(field, n_field, s + 1, n);
		if (!f)
			return fc_fail(e, "prompt %s: nothing to put in for {%.*s}", p->name,
			    (int)(n < 40 ? n : 40), s + 1);
		fc_buf_add(out, f->value.p, f->value.n);
		s = close + 1;
	}
	return 0;
}
