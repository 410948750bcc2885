/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "text/json.h"

#define HEAD "lm_head.weight"
#define EMBEDDING "model.embed_tokens.weight"

/* What the model computes with under this name: a head that is not stored is the embedding. */
static const struct fc_tensor *find(const struct source *s, const char *name)
{
	const struct fc_tensor *t = fc_store_find(s->store, name);
	return t || strcmp(name, HEAD) ? t : fc_store_find(s->store, EMBEDDING);
}

static bool same_bytes(const struct fc_tensor *a, const struct fc_tensor *b)
{
	return a->dtype == b->dtype && fc_tensor_same_shape(a, b) &&
	    (!a->n_bytes || !memcmp(a->data, b->data, a->n_bytes));
}

/* Whether the pivot's head is its embedding, by its tensors or its configuration. */
static int is_tied(const struct source *s, bool *tied, struct fc_err *e)
{
	char *path = fc_path_join(s->path, "config.json");
	json_t *config = NULL;
	int ret = 0;
	*tied = !fc_store_find(s->store, HEAD);
	if (!*tied && fc_file_exists(path)) {
		config = fc_json_file(path, e);
		ret =
		    config ? fc_json_bool(config, "tie_word_embeddings", false, tied, path, e) : -1;
	}
	json_decref(config);
	free(path);
	return ret;
}

/* The pivot's form is the result's: a tied pivot cannot take a target's head of its own. */
static int check_head(const struct source *t, bool base_tied, struct fc_err *e)
{
	const struct fc_tensor *head = fc_store_find(t->store, HEAD);
	const struct fc_tensor *embedding = fc_store_find(t->store, EMBEDDING);
	if (base_tied && head && (!embedding || !same_bytes(head, embedding)))
		return fc_fail(e,
		    "%s: tensor " HEAD " differs from " EMBEDDING ", but the pivot has them tied",
		    t->path);
	return 0;
}

static int check_tensor(
    const struct source *base, const struct fc_tensor *b, const struct source *s, struct fc_err *e)
{
	const struct fc_tensor *t = find(s, b->name);
	char have[192], want[192];
	if (!t)
		return fc_fail(e, "%s: tensor %s is missing; the pivot %s has it", s->path, b->name,
		    base->path);
	if (!fc_tensor_same_shape(b, t))
		return fc_fail(e, "%s: tensor %s has shape %s, in the pivot %s it is %s", s->path,
		    b->name, fc_tensor_shape_text(t, have), base->path,
		    fc_tensor_shape_text(b, want));
	if ((!fc_dtype_is_real(b->dtype) || !fc_dtype_is_real(t->dtype)) && !same_bytes(b, t))
		return fc_fail(e,
		    "%s: tensor %s is %s, which is not merged, and differs from the pivot's in %s",
		    s->path, b->name, fc_dtype_name(t->dtype), base->path);
	return 0;
}

static int check_target(
    const struct inputs *in, const struct source *s, bool base_tied, struct fc_err *e)
{
	for (size_t i = 0; i < in->n; i++)
		if (check_tensor(&in->base, fc_store_at(in->base.store, i), s, e) < 0)
			return -1;
	for (size_t i = 0; i < fc_store_count(s->store); i++) {
		const char *name = fc_store_at(s->store, i)->name;
		if (!find(&in->base, name))
			return fc_fail(e, "%s: tensor %s is not in the pivot %s", s->path, name,
			    in->base.path);
	}
	return check_head(s, base_tied, e);
}

static int open_source(struct source *s, const char *path, struct fc_err *e)
{
	s->path = path;
	if (fc_store_open(&s->store, path, e) < 0)
		return -1;
	s->fingerprint = fc_store_fingerprint(s->store);
	return 0;
}

int inputs_open(
    struct inputs *in, const char *base, const char *const *target, int n_target, struct fc_err *e)
{
	bool tied;
	*in = (struct inputs){.target = FC_ARRAY(struct source, (size_t)n_target)};
	if (open_source(&in->base, base, e) < 0 || is_tied(&in->base, &tied, e) < 0)
		return -1;
	in->n = fc_store_count(in->base.store);
	for (int k = 0; k < n_target; k++) {
		struct source *s = &in->target[k];
		in->n_target++;
		if (open_source(s, target[k], e) < 0 || check_target(in, s, tied, e) < 0)
			return -1;
	}
	return 0;
}

void inputs_close(struct inputs *in)
{
	for (int k = 0; k < in->n_target; k++)
		fc_store_close(in->target[k].store);
	fc_store_close(in->base.store);
	free(in->target);
}

/* A tensor of integers or the like: the same in all models, and nothing to merge. */
static bool is_carried(const struct fc_tensor *t)
{
	return !fc_dtype_is_real(t->dtype);
}

void inputs_plan(const struct inputs *in, const struct request *r, struct plan *p)
{
	plan_init(p, in->n, in->n_target);
	p->base = (struct plan_model){in->base.path, NULL, in->base.fingerprint};
	for (int k = 0; k < in->n_target; k++)
		plan_name_model(p, k, in->target[k].path, in->target[k].fingerprint);
	for (size_t i = 0; i < in->n; i++) {
		struct fc_tensor out = *fc_store_at(in->base.store, i);
		bool carried = is_carried(&out);
		if (!carried)
			out.dtype = r->keep_dtype ? feed_dtype(out.dtype) : r->dtype;
		out.order = FC_ORDER_ROWS;
		struct plan_item *it =
		    plan_place(p, i, &out, carried ? NULL : r->method, in->n_target);
		it->has_base = true;
		it->base = feed_mapped(fc_store_at(in->base.store, i), -1);
		it->set = r->settings;
		for (int k = 0; k < in->n_target; k++) {
			it->target[k] = feed_mapped(find(&in->target[k], out.name), k);
			it->term[k] = r->term[k];
		}
	}
}
