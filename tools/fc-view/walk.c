/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/die.h"
#include "base/progress.h"
#include "fc-view/view.h"

bool view_selects(const struct view *v)
{
	return v->id.n || v->skip || v->limit;
}

static bool has_id(const struct view *v, const char *p, size_t n)
{
	for (int i = 0; i < v->id.n; i++)
		if (strlen(v->id.v[i]) == n && (!n || !memcmp(v->id.v[i], p, n)))
			return true;
	return v->id.n == 0;
}

/* Have all records that were asked for been taken, so that nothing more has to be read? */
static bool has_enough(const struct view *v)
{
	return v->limit && v->n_taken == v->limit;
}

/* Of a stream that is written, the record after the last that is skipped, or taken, goes on with
 * that one's pair. */
static _Noreturn void die_parted(const struct view *v, const char *option, uint64_t n)
{
	fc_die("%s %" PRIu64 " parts the pair '%s', whose records are worth something together "
	       "only; take more or fewer",
	    option, n, v->pairing.id);
}

/* Is the next record, of that id, one of those asked for?  x: what it is, or NULL. */
static bool is_selected(struct view *v, const char *id, size_t n, const struct fc_example *x)
{
	if (!has_id(v, id, n))
		return false;
	const bool goes_on = x && (v->shard.n || v->stream) && view_pairing_goes_on(&v->pairing, x);
	v->n_unit += !goes_on;
	if (!fc_shard_has(&v->shard, v->n_unit - 1))
		return false;
	const bool skipped = v->n_seen++ < v->skip;
	if (v->stream && goes_on && v->n_seen == v->skip + 1)
		die_parted(v, "--skip", v->skip);
	if (v->stream && goes_on && has_enough(v))
		die_parted(v, "-n", v->limit);
	if (skipped || has_enough(v))
		return false;
	v->n_taken++;
	fc_progress_set(v->n_taken, NULL);
	return true;
}

static enum fc_read walk_examples(
    struct view *v, const struct visitor *visitor, struct fc_reader *r, struct fc_err *e)
{
	struct fc_example x;
	enum fc_read ret = FC_READ_END;
	fc_example_init(&x);
	/* all but the last, which may begin a pair */
	if (!v->id.n && !v->shard.n && v->skip > v->n_seen + 1) {
		uint64_t skipped;
		if (fc_reader_skip(r, v->skip - v->n_seen - 1, &skipped, e) < 0)
			return FC_READ_ERROR;
		v->n_seen += skipped;
	}
	/* the record behind the last of a pair says whether that was all of it */
	while ((!has_enough(v) || (v->stream && v->pairing.id)) &&
	    (ret = fc_reader_example(r, &x, e)) == FC_READ_RECORD) {
		const bool over = has_enough(v);
		if (is_selected(v, x.id.p ? x.id.p : "", x.id.n, &x))
			visitor->example(v, visitor->data, r, &x);
		else if (over)
			break;
	}
	fc_example_release(&x);
	return ret;
}

/* All parts of a tensor count as one record. */
static enum fc_read walk_tensors(
    struct view *v, const struct visitor *visitor, struct fc_reader *r, struct fc_err *e)
{
	struct fc_tensor_part t;
	enum fc_read ret = FC_READ_END;
	bool take = false, whole = true;
	while (!(whole && has_enough(v)) && (ret = fc_reader_tensor(r, &t, e)) == FC_READ_RECORD) {
		if (t.offset == 0)
			take = is_selected(v, t.whole.name, strlen(t.whole.name), NULL);
		whole = t.offset + t.n == t.whole.n_bytes;
		if (take)
			visitor->tensor(v, visitor->data, &t);
	}
	return ret;
}

/* Each entry counts as a record. */
static enum fc_read walk_map(
    struct view *v, const struct visitor *visitor, struct fc_reader *r, struct fc_err *e)
{
	struct fc_map_part m;
	enum fc_read ret = FC_READ_END;
	while (!has_enough(v) && (ret = fc_reader_map(r, &m, e)) == FC_READ_RECORD) {
		uint64_t left = v->skip > v->n_seen ? v->skip - v->n_seen : 0;
		size_t from = left < m.n ? (size_t)left : m.n, n = m.n - from;
		if (v->limit && n > v->limit - v->n_taken)
			n = (size_t)(v->limit - v->n_taken);
		v->n_seen += m.n;
		v->n_taken += n;
		if (n)
			visitor->map(v, visitor->data, m.entry + from, n);
	}
	return ret;
}

int view_tokenizer_check(const struct view *v, const struct fc_reader *r, struct fc_err *e)
{
	const struct fc_header *h = fc_reader_header(r);
	if (!v->tokenizer || !fc_kind_has_examples(h->kind) || !h->tokenizer ||
	    fc_tokenizer_fingerprint(v->tokenizer) == h->tokenizer)
		return 0;
	return fc_fail(e, "%s: its tokens are of another tokenizer than %s", fc_reader_name(r),
	    v->tokenizer_dir);
}

static void walk_one(struct view *v, const struct visitor *visitor, struct fc_reader *r)
{
	struct fc_err e;
	enum fc_read ret = FC_READ_END;
	enum fc_kind kind = fc_reader_header(r)->kind;
	if (v->id.n && kind == FC_KIND_MAP)
		fc_die("%s: the entries of a vocabulary map have no id", fc_reader_name(r));
	if (v->shard.n && kind == FC_KIND_MAP)
		fc_die("%s: a vocabulary map has no shards", fc_reader_name(r));
	if (view_tokenizer_check(v, r, &e) < 0)
		fc_die("%s", e.msg);
	if (visitor->header)
		visitor->header(v, visitor->data, r);
	if (fc_kind_has_examples(kind))
		ret = walk_examples(v, visitor, r, &e);
	else if (fc_kind_has_tensors(kind))
		ret = walk_tensors(v, visitor, r, &e);
	else
		ret = walk_map(v, visitor, r, &e);
	if (ret == FC_READ_ERROR) {
		view_flush(v);
		fc_die("%s", e.msg);
	}
	if (v->stats && fc_reader_check_hits(r, &e) < 0)
		fc_warn("%s", e.msg);
}

void view_walk(struct view *v, const struct visitor *visitor)
{
	struct fc_err e;
	enum fc_kind kind = 0;
	fc_progress_start("records", 0);
	for (int i = 0; i < v->n_path; i++) {
		struct fc_reader *r = v->reader ? v->reader[i] : NULL;
		if (!r && has_enough(v))
			break;
		if (!r && fc_reader_open(&r, v->path[i], kind, &e) < 0)
			fc_die("%s", e.msg);
		kind = fc_reader_header(r)->kind;
		walk_one(v, visitor, r);
		v->n_bytes += fc_reader_bytes(r);
		fc_reader_close(r);
	}
	fc_progress_end();
	view_pairing_release(&v->pairing);
	if (v->id.n && !v->n_seen)
		fc_die(v->id.n == 1 ? "no record has the id '%s'"
				    : "no record has the id '%s' or another of those asked for",
		    v->id.v[0]);
}
