/* SPDX-License-Identifier: Apache-2.0 */
#include "jinja/jinja.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "jinja/jinja_impl.h"

struct fc_jinja {
	struct fc_jpool pool;
	struct fc_jnode *root;
	char *name;
	const struct fc_jstr **name_word, **string; /* [n_name_word], [n_string] by by_word() */
	size_t n_name_word, n_string;
};

/* Shorter ones first. */
static int by_word(const void *a, const void *b)
{
	const struct fc_jstr *x = *(const struct fc_jstr *const *)a,
			     *y = *(const struct fc_jstr *const *)b;
	return x->n != y->n ? (x->n < y->n ? -1 : 1) : memcmp(x->p, y->p, x->n);
}

static void sort(const struct fc_jstr **v, size_t n)
{
	if (n)
		qsort(v, n, sizeof *v, by_word);
}

static void keep_words(struct fc_jinja *j, const struct fc_jtoks *tok)
{
	j->name_word = fc_jpool_take(&j->pool, tok->n * sizeof *j->name_word);
	j->string = fc_jpool_take(&j->pool, tok->n * sizeof *j->string);
	for (size_t i = 0; i < tok->n; i++) {
		const struct fc_jtok *t = &tok->v[i];
		if (t->kind == FC_JT_NAME)
			j->name_word[j->n_name_word++] = fc_jstr_new(&j->pool, t->p, t->n, 0);
		else if (t->kind == FC_JT_CONST && t->value.kind == FC_JV_STR)
			j->string[j->n_string++] = t->value.s;
	}
	sort(j->name_word, j->n_name_word);
	sort(j->string, j->n_string);
}

static bool find(const struct fc_jstr *const *v, size_t n, const char *word)
{
	const struct fc_jstr s = {word, (uint32_t)strlen(word), 0, NULL}, *p = &s;
	return n && bsearch(&p, v, n, sizeof *v, by_word);
}

bool fc_jinja_mentions(const struct fc_jinja *j, const char *name)
{
	return find(j->name_word, j->n_name_word, name) || fc_jinja_spells(j, name);
}

bool fc_jinja_spells(const struct fc_jinja *j, const char *text)
{
	return find(j->string, j->n_string, text);
}

int fc_jinja_compile(
    struct fc_jinja **out, const char *source, size_t n, const char *name, struct fc_err *e)
{
	*out = NULL;
	if (n > FC_JINJA_SOURCE_MAX)
		return fc_fail(e, "%s: a template of %zu bytes; at most %zu are read", name, n,
		    FC_JINJA_SOURCE_MAX);
	struct fc_jinja *j = FC_NEW(struct fc_jinja);
	struct fc_jparser p = {.pool = &j->pool, .name = name, .e = e};
	if (fc_jinja_lex(&p.tok, &j->pool, source, n, name, e) == 0)
		j->root = fc_jinja_parse(&p);
	if (j->root)
		keep_words(j, &p.tok);
	free(p.tok.v);
	if (!j->root) {
		fc_jinja_free(j);
		return -1;
	}
	j->name = fc_strdup(name);
	*out = j;
	return 0;
}

void fc_jinja_free(struct fc_jinja *j)
{
	if (!j)
		return;
	fc_jpool_release(&j->pool);
	free(j->name);
	free(j);
}

void fc_jinja_out_release(struct fc_jinja_out *o)
{
	fc_buf_release(&o->text);
	free(o->piece);
	*o = (struct fc_jinja_out){0};
}

static void put_output(struct fc_jinja_out *out, const struct fc_jcat *c)
{
	static const struct fc_jrun none;
	uint32_t n = c->n_run ? c->n_run : c->n > 0, start = 0;
	out->n = 0;
	fc_buf_clear(&out->text);
	fc_buf_add(&out->text, c->p, c->n);
	FC_GROW(out->piece, out->cap, n);
	for (uint32_t i = 0; i < n; i++) {
		struct fc_jrun r = c->n_run ? c->run[i] : none;
		uint32_t end = c->n_run ? r.end : (uint32_t)c->n;
		out->piece[out->n++] = (struct fc_jinja_piece){.start = start,
		    .end = end,
		    .origin = (r.mark >> 3) - 1,
		    .from = (enum fc_jinja_from)(r.mark >> 1 & 3),
		    .generation = r.mark & FC_JMARK_GENERATION};
		start = end;
	}
}

static void set_var(struct fc_jx *x, struct fc_jframe *f, const char *name, struct fc_jv v)
{
	fc_jframe_set(x, f, fc_jstr_new(&x->pool, name, strlen(name), 0), v);
}

static void set_vars(
    const struct fc_jinja *j, struct fc_jx *x, struct fc_jframe *f, const struct fc_jinja_input *in)
{
	for (size_t i = 0; i < in->n_vars; i++) {
		json_t *o = (json_t *)in->vars[i]; /* jansson's iteration takes no const */
		for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
			const char *name = json_object_iter_key(it);
			if (fc_jinja_mentions(j, name))
				set_var(x, f, name, fc_jv_from_json(x, json_object_iter_value(it)));
		}
	}
	if (!in->message)
		return;
	set_var(x, f, "messages", fc_jv_from_messages(x, in->message, in->n_message));
	set_var(x, f, "add_generation_prompt", fc_jv_bool(in->add_generation_prompt));
}

int fc_jinja_run(const struct fc_jinja *j, const struct fc_jinja_input *in,
    struct fc_jinja_out *out, struct fc_err *e)
{
	struct fc_jcat text = {0};
	struct fc_jframe global = {0}, top = {.up = &global};
	struct fc_jx x = {.frame = &top,
	    .out = &text,
	    .block_text = fc_jv_none(),
	    .name = j->name,
	    .e = e,
	    .line = 1,
	    .step_max = in->trial ? FC_JINJA_STEP_MAX / 64 : FC_JINJA_STEP_MAX,
	    .pool_max = in->trial ? FC_JINJA_POOL_MAX / 64 : FC_JINJA_POOL_MAX,
	    .now_s = in->now_s};
	set_vars(j, &x, &global, in);
	int ret = fc_jx_exec(&x, j->root);
	if (ret == 0)
		ret = fc_jx_step(&x, 0);
	if (ret == 0)
		put_output(out, &text);
	fc_jpool_release(&x.pool);
	return ret < 0 ? -1 : 0;
}
