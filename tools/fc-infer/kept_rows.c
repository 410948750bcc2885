/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/kept_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/tmpname.h"
#include "stream/reader.h"

int infer_kept_open(
    struct kept_rows *k, const struct session *s, enum fc_kind kind, struct fc_err *e)
{
	struct fc_header h;
	int ret;
	*k = (struct kept_rows){0};
	fc_example_init(&k->was);
	infer_session_header(s, &h, kind);
	if (s->opt->resume) {
		k->partial = fc_tmpname_partial(s->opt->output);
		ret = fc_writer_resume(&k->writer, s->opt->output, &h, &k->n, e);
	} else {
		ret = fc_writer_open(&k->writer, s->opt->output, &h, e);
	}
	fc_header_release(&h);
	if (ret == 0 && k->n)
		ret = fc_reader_open(&k->reader, k->partial, kind, e);
	if (ret == 0 && k->n)
		fc_note("%s: going on behind %" PRIu64 " conversations", k->partial, k->n);
	return ret;
}

static bool same_bytes(const void *a, size_t n_a, const void *b, size_t n_b)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a));
}

/* Was the same conversation read, and cut into the same tokens? */
static bool is_same(const struct fc_example *a, const struct fc_example *b)
{
	return same_bytes(a->id.p, a->id.n, b->id.p, b->id.n) &&
	    same_bytes(a->meta.p, a->meta.n, b->meta.p, b->meta.n) &&
	    same_bytes(a->text.p, a->text.n, b->text.p, b->text.n) &&
	    same_bytes(a->tok, a->n_tok * sizeof *a->tok, b->tok, b->n_tok * sizeof *b->tok) &&
	    same_bytes(a->end, a->n_tok * sizeof *a->end, b->end, b->n_tok * sizeof *b->end) &&
	    same_bytes(a->flags, a->n_tok, b->flags, b->n_tok);
}

int infer_kept_skip(
    struct kept_rows *k, const struct fc_example *x, size_t n, size_t *n_skip, struct fc_err *e)
{
	for (*n_skip = 0; *n_skip < n && k->at < k->n; ++*n_skip, k->at++) {
		const struct fc_example *now = &x[*n_skip];
		if (fc_reader_example(k->reader, &k->was, e) != FC_READ_RECORD)
			return -1;
		if (!is_same(&k->was, now))
			return fc_fail(e,
			    "%s: record %" PRIu64
			    " is of conversation %.100s, the input now has another "
			    "text there%s%.100s; remove the file to begin anew",
			    k->partial, k->at + 1, k->was.id.p ? k->was.id.p : "",
			    same_bytes(k->was.id.p, k->was.id.n, now->id.p, now->id.n) ? ""
										       : ", of ",
			    same_bytes(k->was.id.p, k->was.id.n, now->id.p, now->id.n) || !now->id.p
				? ""
				: now->id.p);
	}
	return 0;
}

static void release_rows(struct kept_rows *k)
{
	fc_writer_abort(k->writer);
	fc_reader_close(k->reader);
	fc_example_release(&k->was);
	free(k->partial);
	*k = (struct kept_rows){0};
}

int infer_kept_finish(struct kept_rows *k, struct fc_err *e)
{
	struct fc_writer *w = k->writer;
	int ret;
	if (k->at < k->n) {
		ret = fc_fail(e,
		    "%s: has %" PRIu64 " conversations, the input now has %" PRIu64
		    "; remove the file to begin anew",
		    k->partial, k->n, k->at);
	} else {
		k->writer = NULL;
		ret = fc_writer_finish(w, e);
	}
	release_rows(k);
	return ret;
}

void infer_kept_abort(struct kept_rows *k)
{
	release_rows(k);
}
