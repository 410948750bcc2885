/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/check.h"
#include "stream/policy.h"
#include "stream/queue.h"

struct input {
	struct fc_queue *queue;
	uint32_t *source; /* [n_source] numbers of its sources in the joined header */
	size_t n_source;
	uint64_t n_skipped;
};

struct fc_join {
	struct fc_join_options o;
	struct input *input; /* [n] */
	size_t n;
	struct fc_header header; /* of all */
	uint64_t n_record;
	bool delivered;     /* the front of every queue was handed out */
	struct fc_buf last; /* id of the conversation handed out before */
};

static const struct fc_header *header_of(const struct fc_join *j, size_t i)
{
	return fc_reader_header(fc_queue_reader(j->input[i].queue));
}

static const char *name_of(const struct fc_join *j, size_t i)
{
	return fc_reader_name(fc_queue_reader(j->input[i].queue));
}

/* Do the rows of stream i say the same kind of thing as those before? */
static int check_draws(const struct fc_join *j, size_t i, struct fc_err *e)
{
	char draws[80];
	fc_header_draws_text(header_of(j, i), draws, sizeof draws);
	if (i < j->o.first)
		return 0;
	if (j->o.likeliest && *draws)
		return fc_fail(e,
		    "%s has %s, which do not tell the probabilities of single tokens; make it "
		    "again "
		    "with fc-infer -k",
		    name_of(j, i), draws);
	return fc_header_same_draws(
	    header_of(j, j->o.first), name_of(j, j->o.first), header_of(j, i), name_of(j, i), e);
}

static int check_header(const struct fc_join *j, size_t i, struct fc_err *e)
{
	const struct fc_header *a = header_of(j, 0), *b = header_of(j, i);
	if (a->tokenizer != b->tokenizer)
		return fc_fail(e, "%s is over other tokens than %s; run fc-align apply on it first",
		    name_of(j, i), name_of(j, 0));
	if (a->template_hash && b->template_hash && a->template_hash != b->template_hash)
		return fc_fail(e,
		    "%s was rendered with another template (%016" PRIx64 ") than %s (%016" PRIx64
		    "); make it again with fc-infer -p of the pivot",
		    name_of(j, i), b->template_hash, name_of(j, 0), a->template_hash);
	if (a->cut != b->cut)
		return fc_fail(e,
		    "the text of %s was cut into tokens by --cut %s, that of %s by --cut %s; make "
		    "one again with fc-infer",
		    name_of(j, i), fc_text_cut_words[b->cut], name_of(j, 0),
		    fc_text_cut_words[a->cut]);
	a = header_of(j, j->o.first);
	if (!j->o.any_top_k && !b->n_sample && i > j->o.first && a->top_k != b->top_k)
		return fc_fail(e,
		    "rows of %s have up to %" PRIu32 " entries, those of %s up to %" PRIu32
		    "; make them alike, or say with -k how many to keep",
		    name_of(j, i), b->top_k, name_of(j, j->o.first), a->top_k);
	return 0;
}

/* Two models of one name would be one in every report. */
static int check_names(const struct fc_join *j, struct fc_err *e)
{
	struct fc_err why;
	return fc_check_header(&j->header, &why) < 0
	    ? fc_fail(e, "the streams together: %s", why.msg)
	    : 0;
}

static bool is_same_part(const struct fc_join *j, size_t i)
{
	struct fc_err ignored;
	return fc_header_same_part(&j->header, header_of(j, i), name_of(j, i), &ignored) == 0;
}

static void join_headers(struct fc_join *j)
{
	struct fc_header *h = &j->header;
	fc_header_copy(h, header_of(j, 0));
	for (size_t i = 1; i < j->n; i++)
		if (!is_same_part(j, i))
			h->part = (struct fc_shard){0, 0};
	h->n_sample = header_of(j, j->o.first)->n_sample;
	h->sample_temperature = header_of(j, j->o.first)->sample_temperature;
	for (size_t i = 0; i < j->n; i++) {
		struct input *in = &j->input[i];
		const struct fc_header *from = header_of(j, i);
		if (fc_header_n_output(from) > fc_header_n_output(h))
			h->n_output = fc_header_n_output(from);
		h->n_vocab = from->n_vocab > h->n_vocab ? from->n_vocab : h->n_vocab;
		in->n_source = from->n_source;
		in->source = FC_ARRAY(uint32_t, in->n_source + 1);
		for (size_t k = 0; k < in->n_source; k++)
			in->source[k] = (uint32_t)fc_header_find_source(h, &from->source[k]);
		for (size_t k = 0; i > 0 && k < from->n_history; k++) {
			const struct fc_program *p = &from->history[k];
			fc_header_add_program(h, p->name, p->version, p->args);
		}
	}
}

int fc_join_open(struct fc_join **out, const char *const *paths, size_t n,
    const struct fc_join_options *o, struct fc_err *e)
{
	struct fc_join *j = FC_NEW(struct fc_join);
	*out = j;
	j->o = *o;
	j->input = FC_ARRAY(struct input, n);
	for (size_t i = 0; i < n; i++) {
		if (fc_queue_open(&j->input[i].queue, paths[i], e) < 0)
			goto fail;
		j->n++;
	}
	for (size_t i = 0; i < n; i++)
		if (check_draws(j, i, e) < 0 || (i && check_header(j, i, e) < 0))
			goto fail;
	join_headers(j);
	if (check_names(j, e) < 0)
		goto fail;
	return 0;
fail:
	fc_join_close(j);
	*out = NULL;
	return -1;
}

void fc_join_close(struct fc_join *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++) {
		fc_queue_close(j->input[i].queue);
		free(j->input[i].source);
	}
	fc_header_release(&j->header);
	fc_buf_release(&j->last);
	free(j->input);
	free(j);
}

uint32_t fc_join_top_k(const struct fc_join *j)
{
	uint32_t most = 0;
	for (size_t i = 0; i < j->n; i++)
		most = header_of(j, i)->top_k > most ? header_of(j, i)->top_k : most;
	return most;
}

const char *fc_join_stream_name(const struct fc_join *j, size_t i)
{
	const struct fc_header *h = header_of(j, i);
	return h->n_source == 1 ? h->source[0].name : name_of(j, i);
}

const struct fc_header *fc_join_header(const struct fc_join *j)
{
	return &j->header;
}

static bool same_bytes(const struct fc_buf *a, const struct fc_buf *b)
{
	return a->n == b->n && (a->n == 0 || !memcmp(a->p, b->p, a->n));
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Are the tokens equal as far as the shorter, truncated one goes? */
static bool same_tokens(const struct fc_example *a, const struct fc_example *b)
{
	size_t n = min_size(a->n_tok, b->n_tok);
	return n == 0 ? a->n_tok == b->n_tok
		      : !memcmp(a->tok, b->tok, n * sizeof *a->tok) &&
		!memcmp(a->end, b->end, n * sizeof *a->end) && !memcmp(a->flags, b->flags, n);
}

/* Gives x all tokens of the first stream and no others: fc-infer may have truncated a long
 * conversation in one of them. */
static void fit_tokens(const struct fc_example *first, struct fc_example *x)
{
	x->n_tok = min_size(x->n_tok, first->n_tok);
	while (x->n_row && x->row_tok[x->n_row - 1] >= x->n_tok)
		x->n_row--;
	for (size_t t = x->n_tok; t < first->n_tok; t++)
		fc_example_add_token(x, first->tok[t], first->end[t], first->flags[t]);
}

struct fc_example *fc_join_at(struct fc_join *j, size_t i)
{
	return fc_queue_at(j->input[i].queue, 0);
}

uint64_t fc_join_skipped(const struct fc_join *j, size_t i)
{
	return j->input[i].n_skipped;
}

/* Characters around byte at of a text, in quotes. */
static void add_snippet(struct fc_buf *b, const struct fc_buf *text, size_t at)
{
	enum { AROUND = 20 };
	size_t from = at > AROUND ? at - AROUND : 0, end = min_size(at + AROUND, text->n);
	while (from < at && ((unsigned char)text->p[from] & 0xc0) == 0x80)
		from++;
	while (end < text->n && ((unsigned char)text->p[end] & 0xc0) == 0x80)
		end++;
	fc_buf_addf(b, "%s\"", from ? "..." : "");
	fc_buf_add(b, text->p ? text->p + from : "", end - from);
	fc_buf_addf(b, "\"%s", end < text->n ? "..." : "");
}

static int name_text_difference(
    struct fc_join *j, size_t i, const struct fc_buf *a, const struct fc_buf *b, struct fc_err *e)
{
	struct fc_buf why = FC_BUF_INIT;
	const struct fc_buf *id = &fc_join_at(j, 0)->id;
	size_t at = 0;
	while (at < a->n && at < b->n && a->p[at] == b->p[at])
		at++;
	add_snippet(&why, b, at);
	fc_buf_addf(&why, " in %s, ", name_of(j, i));
	add_snippet(&why, a, at);
	fc_buf_addf(&why, " in %s", name_of(j, 0));
	fc_fail(e,
	    "conversation '%.*s': its texts differ from byte %zu on: %s; make both with the same "
	    "template",
	    (int)id->n, id->p ? id->p : "", at, why.p);
	fc_buf_release(&why);
	return -1;
}

/* Do streams 0 and i say the same of who gave the answers?  What is made of them keeps what stream
 * 0 says. */
static int check_policy(struct fc_join *j, size_t i, struct fc_err *e)
{
	const struct fc_example *x[2] = {fc_join_at(j, 0), fc_join_at(j, i)};
	struct fc_policy p[2];
	struct fc_err why;
	for (size_t k = 0; k < 2; k++)
		if (fc_policy_parse(x[k]->meta.p, x[k]->meta.n, &p[k], &why) < 0)
			return fc_fail(e, "%s: conversation '%.*s': %s", name_of(j, k ? i : 0),
			    (int)x[k]->id.n, x[k]->id.p, why.msg);
	if (!fc_policy_equal(&p[0], &p[1]))
		return fc_fail(e,
		    "conversation '%.*s': \"" FC_POLICY_MEMBER
		    "\" in %s says that model %016" PRIx64 ", round %" PRIu32
		    ", gave its answers, in %s that %016" PRIx64 ", round %" PRIu32
		    ", did; make all of the same lines",
		    (int)x[0]->id.n, x[0]->id.p, name_of(j, i), p[1].model, p[1].round,
		    name_of(j, 0), p[0].model, p[0].round);
	return 0;
}

static int check_same(struct fc_join *j, size_t i, struct fc_err *e)
{
	const struct fc_example *a = fc_join_at(j, 0), *b = fc_join_at(j, i);
	if (!same_bytes(&a->text, &b->text))
		return name_text_difference(j, i, &a->text, &b->text, e);
	if (!same_tokens(a, b))
		return fc_fail(e,
		    "conversation '%.*s': its tokens in %s differ from those in %s; run fc-align "
		    "apply on the stream of the source",
		    (int)a->id.n, a->id.p, name_of(j, i), name_of(j, 0));
	return check_policy(j, i, e);
}

/* Makes what stands in front of all queues one conversation. */
static int deliver_fronts(struct fc_join *j, struct fc_err *e)
{
	for (size_t i = 0; i < j->n; i++) {
		struct input *in = &j->input[i];
		struct fc_example *x = fc_join_at(j, i);
		if (check_same(j, i, e) < 0)
			return -1;
		if (j->header.part.n && !is_same_part(j, i))
			return fc_fail(e,
			    "%s: a later part of it is another part of the whole than its "
			    "beginning; fuse the parts one by one",
			    name_of(j, i));
		fit_tokens(fc_join_at(j, 0), x);
		if (x->source < in->n_source)
			x->source = in->source[x->source];
		else if (in->n_source)
			return fc_fail(e,
			    "%s: a later part of it has a source that its beginning "
			    "does not name; fuse the parts one by one",
			    name_of(j, i));
	}
	fc_buf_clear(&j->last);
	fc_buf_add(&j->last, fc_join_at(j, 0)->id.p, fc_join_at(j, 0)->id.n);
	j->delivered = true;
	return 1;
}

/* The first conversation of stream 0 that all have among what was read: where, by stream. */
static bool find_common(const struct fc_join *j, size_t *at)
{
	for (size_t a = 0; a < fc_queue_n(j->input[0].queue); a++) {
		const struct fc_buf *id = &fc_queue_at(j->input[0].queue, a)->id;
		bool all = true;
		at[0] = a;
		for (size_t i = 1; all && i < j->n; i++)
			all = fc_queue_find(j->input[i].queue, id, &at[i]);
		if (all)
			return true;
	}
	return false;
}

static void skip_records(struct fc_join *j, size_t i, size_t n)
{
	j->input[i].n_skipped += n;
	while (n-- > 0)
		fc_queue_drop(j->input[i].queue);
}

/* Leaves out what not all have.  1: the fronts are one conversation. */
static int skip_missing(struct fc_join *j, struct fc_err *e)
{
	size_t *at = FC_ARRAY(size_t, j->n);
	bool more = true, found = false;
	for (size_t n = 1; more && !(found = find_common(j, at)) && n < FC_JOIN_AHEAD; n++) {
		more = false;
		for (size_t i = 0; i < j->n; i++) {
			int got = fc_queue_fill(j->input[i].queue, n + 1, e);
			if (got < 0) {
				free(at);
				return -1;
			}
			more = more || got > 0;
		}
	}
	for (size_t i = 0; i < j->n; i++)
		skip_records(j, i, found ? at[i] : fc_queue_n(j->input[i].queue));
	free(at);
	if (!found && more)
		return fc_fail(e, "%d conversations after '%.*s' and none that all streams have",
		    FC_JOIN_AHEAD, (int)j->last.n, j->last.p ? j->last.p : "");
	return found;
}

/* What is wrong between the fronts of streams 0 and i, which are not one conversation. */
static int name_difference(struct fc_join *j, size_t i, struct fc_err *e)
{
	struct fc_queue *p = j->input[0].queue, *q = j->input[i].queue;
	if (fc_queue_fill(p, FC_JOIN_AHEAD, e) < 0 || fc_queue_fill(q, FC_JOIN_AHEAD, e) < 0)
		return -1;
	const struct fc_buf *a = &fc_queue_at(p, 0)->id, *b = &fc_queue_at(q, 0)->id;
	size_t at;
	bool a_later = fc_queue_find(q, a, &at), b_later = fc_queue_find(p, b, &at);
	struct fc_buf why = FC_BUF_INIT;
	if (a_later && b_later)
		fc_buf_adds(&why, "the order is another");
	else if (a_later)
		fc_buf_addf(&why, "the latter is missing in %s", name_of(j, 0));
	else if (b_later)
		fc_buf_addf(&why, "the former is missing in %s", name_of(j, i));
	else
		fc_buf_addf(&why, "neither has the other's among its next %d", FC_JOIN_AHEAD);
	fc_fail(e, "conversation %" PRIu64 " is '%.*s' in %s and '%.*s' in %s: %s", j->n_record,
	    (int)a->n, a->p, name_of(j, 0), (int)b->n, b->p, name_of(j, i), why.p);
	fc_buf_release(&why);
	return -1;
}

static int name_end(struct fc_join *j, size_t ended, size_t has, struct fc_err *e)
{
	const struct fc_example *x = fc_join_at(j, has);
	return fc_fail(e, "%s ends before conversation %" PRIu64 ", '%.*s', which %s has",
	    name_of(j, ended), j->n_record, (int)x->id.n, x->id.p, name_of(j, has));
}

int fc_join_next(struct fc_join *j, struct fc_err *e)
{
	size_t n_has = 0, some = 0;
	bool same = true;
	for (size_t i = 0; i < j->n; i++) {
		struct fc_queue *q = j->input[i].queue;
		if (j->delivered)
			fc_queue_drop(q);
		if (fc_queue_fill(q, 1, e) < 0)
			return -1;
		if (fc_queue_n(q) == 0)
			continue;
		n_has++;
		some = i;
	}
	j->delivered = false;
	j->n_record++;
	if (n_has == 0)
		return 0;
	for (size_t i = 0; i < j->n; i++) {
		bool has = fc_queue_n(j->input[i].queue) > 0;
		if (!has && !j->o.skip_missing)
			return name_end(j, i, some, e);
		if (has && n_has == j->n &&
		    !same_bytes(&fc_join_at(j, 0)->id, &fc_join_at(j, i)->id)) {
			same = false;
			if (!j->o.skip_missing)
				return name_difference(j, i, e);
		}
	}
	if (n_has == j->n && same)
		return deliver_fronts(j, e);
	int got = n_has == j->n ? skip_missing(j, e) : 0;
	if (got != 0)
		return got < 0 ? -1 : deliver_fronts(j, e);
	/* nothing is left that all could have; the rest is still to be whole */
	for (size_t i = 0; i < j->n; i++) {
		do
			skip_records(j, i, fc_queue_n(j->input[i].queue));
		while ((got = fc_queue_fill(j->input[i].queue, 1, e)) > 0);
		if (got < 0)
			return -1;
	}
	return 0;
}
