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
};

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
		    .origin = (r.mark >> 1) - 1,
		    .generation = r.mark & 1};
		start = end;
	}
}

int fc_jinja_run(const struct fc_jinja *j, const json_t *vars, int64_t now_s,
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
	    .now_s = now_s};
	struct fc_jv v = fc_jv_from_json(&x, vars);
	for (uint32_t i = 0; i < v.dict->n; i++)
		fc_jframe_set(&x, &global, v.dict->v[i].k.s, v.dict->v[i].v);
	int ret = fc_jx_exec(&x, j->root);
	if (ret == 0)
		ret = fc_jx_step(&x, 0);
	if (ret == 0)
		put_output(out, &text);
	fc_jpool_release(&x.pool);
	return ret < 0 ? -1 : 0;
}
