/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/references.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "stream/reader.h"

struct entry {
	char *id;
	uint64_t text; /* hash */
	uint32_t end;  /* bytes of the text that its tokens cover */
	struct train_reference ref;
};

struct table {
	struct entry *v; /* [n] by id */
	size_t n, cap;
	char *name;
};

struct train_references {
	struct table *table; /* [n] */
	size_t n;
};

static const char *id_of(const struct fc_example *x)
{
	return x->id.p ? x->id.p : "";
}

static uint64_t text_hash(const struct fc_example *x)
{
	return fc_hash(x->text.p, x->text.n, 0);
}

static uint32_t n_covered(const struct fc_example *x)
{
	return x->n_tok ? x->end[x->n_tok - 1] : 0;
}

size_t train_reference_labels(const struct fc_example *x)
{
	size_t n = 0;
	for (size_t t = 1; t < x->n_tok; t++)
		n += fc_example_trained(x, t);
	return n;
}

int train_reference_own(const struct fc_example *x, const struct fc_header *h, const char *name,
    struct train_reference *out, struct fc_err *e)
{
	const size_t n = train_reference_labels(x);
	if (!x->n_label)
		return fc_fail(e,
		    "%s: conversation '%s' has no log-probability of its labels: is it a token "
		    "stream, or was its answer cut off?",
		    name, id_of(x));
	if (!isfinite(x->nll) || x->nll < 0)
		return fc_fail(
		    e, "%s: conversation '%s': its labels have %g nats", name, id_of(x), x->nll);
	if (x->source < h->n_source && h->source[x->source].tokenizer == h->tokenizer &&
	    x->n_label != n)
		return fc_fail(e,
		    "%s: conversation '%s': its log-probability is of %u of %zu labels; were they "
		    "scored in windows (fc-infer --long), or did a server leave some out?",
		    name, id_of(x), (unsigned)x->n_label, n);
	*out = (struct train_reference){-x->nll, x->n_label};
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static int sort_table(struct table *t, struct fc_err *e)
{
	if (t->n)
		qsort(t->v, t->n, sizeof *t->v, by_id);
	for (size_t i = 1; i < t->n; i++)
		if (!strcmp(t->v[i - 1].id, t->v[i].id))
			return fc_fail(e,
			    "%s: conversation '%s' comes twice: which one is the reference?",
			    t->name, t->v[i].id);
	return 0;
}

static int fill_table(struct table *t, struct fc_reader *r, struct fc_err *e)
{
	struct fc_example x;
	enum fc_read got = FC_READ_END;
	int ret = 0;
	fc_example_init(&x);
	while (ret == 0 && (got = fc_reader_example(r, &x, e)) == FC_READ_RECORD) {
		struct train_reference ref;
		if ((ret = train_reference_own(&x, fc_reader_header(r), t->name, &ref, e)) < 0)
			break;
		FC_GROW(t->v, t->cap, t->n + 1);
		t->v[t->n++] =
		    (struct entry){fc_strdup(id_of(&x)), text_hash(&x), n_covered(&x), ref};
	}
	fc_example_release(&x);
	return ret < 0 || got == FC_READ_ERROR ? -1 : sort_table(t, e);
}

static int read_stream(struct table *t, const char *path, struct fc_err *e)
{
	struct fc_reader *r;
	if (fc_reader_open(&r, path, FC_KIND_DISTS, e) < 0)
		return -1;
	t->name = fc_strdup(fc_reader_name(r));
	int ret = fill_table(t, r, e);
	fc_reader_close(r);
	return ret;
}

int train_references_open(
    struct train_references **out, const char *const *paths, size_t n, struct fc_err *e)
{
	struct train_references *r = FC_NEW(struct train_references);
	r->table = FC_ARRAY(struct table, n + 1);
	*out = NULL;
	for (r->n = 0; r->n < n;) {
		struct table *t = &r->table[r->n++];
		*t = (struct table){0};
		if (read_stream(t, paths[r->n - 1], e) < 0) {
			train_references_close(r);
			return -1;
		}
	}
	*out = r;
	return 0;
}

void train_references_close(struct train_references *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->table[i].n; k++)
			free(r->table[i].v[k].id);
		free(r->table[i].v);
		free(r->table[i].name);
	}
	free(r->table);
	free(r);
}

size_t train_references_n(const struct train_references *r)
{
	return r ? r->n : 0;
}

int train_references_find(const struct train_references *r, size_t i, const struct fc_example *x,
    struct train_reference *out, struct fc_err *e)
{
	const struct table *t = &r->table[i];
	const struct entry key = {.id = (char *)id_of(x)};
	const struct entry *found = t->n ? bsearch(&key, t->v, t->n, sizeof *t->v, by_id) : NULL;
	if (!found)
		return fc_fail(e, "%s: has no conversation '%s'", t->name, key.id);
	if (found->text != text_hash(x))
		return fc_fail(e,
		    "%s: conversation '%s' has another text there; references read the same text: "
		    "fc-infer -p PIVOT",
		    t->name, key.id);
	if (found->end != n_covered(x))
		return fc_fail(e,
		    "%s: conversation '%s' ends after byte %" PRIu32
		    " there, and after byte %" PRIu32
		    " in what is trained on; a larger fc-infer --max-length reads all",
		    t->name, key.id, found->end, n_covered(x));
	*out = found->ref;
	return 0;
}
