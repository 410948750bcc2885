/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/scan.h"

#include <stdlib.h>

#include "base/die.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stream/reader.h"

static int read_stream(struct eval_scan *s, const char *path, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_example x;
	enum fc_read got;
	int ret = 0;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	const char *name = fc_reader_name(r);
	s->n_vocab = fc_reader_header(r)->n_vocab;
	if (s->likeliest && fc_reader_header(r)->n_sample) {
		char draws[80];
		fc_header_draws_text(fc_reader_header(r), draws, sizeof draws);
		ret = fc_fail(e,
		    "%s has %s, which do not tell the likeliest token; make it again with fc-infer "
		    "-k",
		    name, draws);
	}
	fc_example_init(&x);
	while (ret == 0 && (got = fc_reader_example(r, &x, e)) != FC_READ_END)
		ret = got == FC_READ_ERROR ? -1 : s->take(s, &x, name, e);
	if (ret == 0 && s->end)
		ret = s->end(s, name, e);
	fc_example_release(&x);
	fc_reader_close(r);
	return ret;
}

/* What to call stream i: its arm's name unless that has several. */
static const char *stream_label(const struct eval_arms *a, size_t i)
{
	size_t n = 0;
	for (size_t k = 0; k < a->n_stream; k++)
		n += a->arm[k] == a->arm[i];
	return n == 1 ? a->name[a->arm[i]] : a->path[i];
}

void eval_scan_streams(struct eval_scan *s, const struct eval_arms *a)
{
	struct fc_err e;
	for (size_t k = 0; k < a->n_stream; k++) {
		if (read_stream(s, a->path[k], &e) < 0)
			fc_die("%s", e.msg);
		for (size_t i = 0; i < eval_groups_count(&s->groups); i++) {
			const char *group;
			const struct eval_group *g = eval_groups_at(&s->groups, i, &group);
			s->put(s, stream_label(a, k), group, g);
		}
		eval_groups_release(&s->groups);
	}
}

struct eval_items *eval_scan_items(struct eval_scan *s, const struct eval_arms *a)
{
	struct eval_items *items = FC_ARRAY(struct eval_items, a->n_stream);
	struct fc_err e;
	for (size_t k = 0; k < a->n_stream; k++) {
		s->items = &items[k];
		if (read_stream(s, a->path[k], &e) < 0)
			fc_die("%s", e.msg);
	}
	return items;
}

struct eval_item *eval_scan_add(struct eval_scan *s, const struct fc_example *x, const char *by,
    const char *name, struct fc_err *e)
{
	char *category = NULL;
	if (by && fc_category_parse(x->meta.p, x->meta.n, by, name, &category, e) < 0)
		return NULL;
	return eval_items_add(s->items, x->id.p, category, fc_hash(x->text.p, x->text.n, 0));
}

void eval_scan_release(struct eval_items *items, const struct eval_arms *a)
{
	for (size_t k = 0; k < a->n_stream; k++)
		eval_items_release(&items[k]);
	free(items);
}
