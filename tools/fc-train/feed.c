/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fc-train/pair_reader.h"
#include "fc-train/spool.h"

struct train_feed {
	struct train_feed_opts opts;
	struct train_example_rule rule;
	struct train_ownanswers *answers; /* NULL: nobody asks */
	struct fc_header header;
	char *path, *name;
	bool is_file;
	struct fc_reader *reader;  /* NULL: all of it was read */
	struct train_spool *spool; /* of a pipe that is passed over more than once */
	struct fc_example x;
	struct train_pair_reader *pairs; /* NULL: examples are no pairs */
	struct train_example_count count;
	bool counted;                        /* count is complete, and stream_hash */
	uint64_t stream_hash, expected_hash; /* over all examples; 0: not known, nothing expected */

	/* the pass that is handed out */
	bool started, source_ended;
	struct fc_rng rng;
	struct train_example **slot; /* shuffle buffer */
	size_t n_slot, cap_slot;
	struct train_example *ahead; /* peeked at, not taken */
	struct train_feed_pos pos;
};

/* Standard input that is a whole file can be opened again. */
static const char *effective_path(const char *path)
{
	struct stat st;
	if (path && strcmp(path, "-"))
		return path;
	return fstat(0, &st) == 0 && S_ISREG(st.st_mode) ? "/dev/stdin" : "-";
}

int train_feed_open(struct train_feed **out, const struct train_feed_opts *opts, struct fc_err *e)
{
	struct stat st;
	struct train_feed *f = FC_NEW(struct train_feed);
	*out = NULL;
	f->opts = *opts;
	f->path = fc_strdup(effective_path(opts->path));
	f->is_file = strcmp(f->path, "-") && stat(f->path, &st) == 0 && S_ISREG(st.st_mode);
	fc_example_init(&f->x);
	fc_header_init(&f->header, FC_KIND_TOKENS);
	if (fc_reader_open(&f->reader, f->path, 0, e) < 0)
		goto fail;
	fc_header_copy(&f->header, fc_reader_header(f->reader));
	f->name = fc_strdup(fc_reader_name(f->reader));
	if (f->header.kind != FC_KIND_TOKENS && f->header.kind != FC_KIND_DISTS) {
		fc_fail(e,
		    "%s: this is a %s; training needs a token or distribution stream (fc-infer, "
		    "fc-align)",
		    f->name, fc_kind_name(f->header.kind));
		goto fail;
	}
	if (!f->is_file && opts->n_pass != 1 && train_spool_open(&f->spool, e) < 0)
		goto fail;
	*out = f;
	return 0;
fail:
	train_feed_close(f);
	return -1;
}

void train_feed_close(struct train_feed *f)
{
	if (!f)
		return;
	if (f->reader)
		fc_reader_close(f->reader);
	train_spool_close(f->spool);
	fc_header_release(&f->header);
	fc_example_release(&f->x);
	train_pair_reader_free(f->pairs);
	for (size_t i = 0; i < f->n_slot; i++)
		train_example_free(f->slot[i]);
	free(f->slot);
	train_example_free(f->ahead);
	free(f->path);
	free(f->name);
	free(f);
}

const struct fc_header *train_feed_header(const struct train_feed *f)
{
	return &f->header;
}

const char *train_feed_name(const struct train_feed *f)
{
	return f->name;
}

bool train_feed_is_file(const struct train_feed *f)
{
	return f->is_file;
}

int train_feed_check_tokenizer(const struct train_feed *f, uint64_t fingerprint, struct fc_err *e)
{
	if (f->header.tokenizer == fingerprint)
		return 0;
	return fc_fail(e,
	    "%s: the stream's tokens are of another tokenizer (%016" PRIx64
	    ") than the model's (%016" PRIx64 "); carry it over with fc-align apply",
	    f->name, f->header.tokenizer, fingerprint);
}

void train_feed_set_rule(struct train_feed *f, const struct train_example_rule *rule)
{
	f->rule = *rule;
	if (rule->pairs && !f->pairs)
		f->pairs = train_pair_reader_new(f->name);
}

void train_feed_set_answers(struct train_feed *f, struct train_ownanswers *a)
{
	f->answers = a;
}

const struct train_example_count *train_feed_counted(const struct train_feed *f)
{
	return f->counted ? &f->count : NULL;
}

static int fail_other_stream(const struct train_feed *f, struct fc_err *e)
{
	return fc_fail(e, "%s: not the stream that the checkpoint's training read%s", f->name,
	    f->rule.pairs && train_references_n(f->rule.pairs->references)
		? ", or --reference gives other log-probabilities"
		: "");
}

static int check_whole(const struct train_feed *f, struct fc_err *e)
{
	return !f->expected_hash || f->stream_hash == f->expected_hash ? 0
								       : fail_other_stream(f, e);
}

static int end_of_stream(struct train_feed *f, struct fc_err *e)
{
	struct fc_err odd;
	if (!f->counted && fc_reader_check_hits(f->reader, &odd) < 0)
		fc_warn("%s", odd.msg);
	fc_reader_close(f->reader);
	f->reader = NULL;
	f->counted = true;
	if (f->count.n_example == 0)
		return fc_fail(e, "%s: no conversation has a token to train on", f->name);
	return check_whole(f, e);
}

/* The next record that makes an example, or pair. */
static int make_example(struct train_feed *f, struct train_example **s,
    struct train_example_count *count, struct fc_err *e)
{
	if (f->pairs)
		return train_pair_reader_next(f->pairs, f->reader, &f->rule, s, count, e);
	for (;;) {
		enum fc_read got = fc_reader_example(f->reader, &f->x, e);
		if (got != FC_READ_RECORD)
			return got == FC_READ_END ? 0 : -1;
		if (f->answers && !f->counted &&
		    train_ownanswers_see(f->answers, &f->x, f->rule.rows, f->name, e) < 0)
			return -1;
		int made = train_example_new(s, &f->x, &f->rule, f->name, count, e);
		if (made)
			return made;
	}
}

/* The next example in stream order. */
static int read_example(struct train_feed *f, struct train_example **s, struct fc_err *e)
{
	if (!f->reader)
		return f->spool ? train_spool_next(f->spool, s, e) : 0;
	struct train_example_count again = {0};
	int made = make_example(f, s, f->counted ? &again : &f->count, e);
	if (made == 0)
		return end_of_stream(f, e);
	if (made > 0 && !f->counted)
		f->stream_hash = train_example_hash(*s, f->stream_hash);
	if (made > 0 && f->spool && train_spool_add(f->spool, *s, e) < 0) {
		train_example_free(*s);
		return -1;
	}
	return made;
}

static int read_to_end(struct train_feed *f, struct fc_err *e)
{
	struct train_example *s;
	int got;
	while (f->reader && (got = read_example(f, &s, e)) != 0) {
		if (got < 0)
			return -1;
		train_example_free(s);
	}
	return f->counted ? 0 : -1;
}

int train_feed_count(struct train_feed *f, struct fc_err *e)
{
	if (!f->is_file && !f->spool && train_spool_open(&f->spool, e) < 0)
		return -1;
	return read_to_end(f, e);
}

static int start_pass(struct train_feed *f, struct fc_err *e)
{
	fc_rng_seed2(&f->rng, f->opts.seed, f->pos.pass);
	f->started = true;
	f->source_ended = false;
	train_pair_reader_restart(f->pairs);
	if (f->reader) /* at the start of its first pass */
		return 0;
	if (f->is_file)
		return fc_reader_open(&f->reader, f->path, f->header.kind, e);
	return train_spool_rewind(f->spool, e);
}

/* Fills the buffer, then draws one of it. */
static int draw_example(struct train_feed *f, struct fc_err *e)
{
	while (!f->source_ended && f->n_slot < f->opts.n_shuffle) {
		struct train_example *s;
		int got = read_example(f, &s, e);
		if (got < 0)
			return -1;
		if (got == 0) {
			f->source_ended = true;
			break;
		}
		FC_GROW(f->slot, f->cap_slot, f->n_slot + 1);
		f->slot[f->n_slot++] = s;
	}
	if (f->n_slot == 0)
		return 0;
	size_t i = fc_rng_below(&f->rng, f->n_slot);
	f->ahead = f->slot[i];
	f->slot[i] = f->slot[--f->n_slot];
	return 1;
}

int train_feed_peek(struct train_feed *f, const struct train_example **s, struct fc_err *e)
{
	while (!f->ahead) {
		if (f->opts.n_pass && f->pos.pass >= f->opts.n_pass)
			return 0;
		if (!f->started && start_pass(f, e) < 0)
			return -1;
		int got = draw_example(f, e);
		if (got < 0)
			return -1;
		if (got == 0) {
			if (f->pos.taken == 0)
				return fc_fail(
				    e, "%s: became empty while it was read again", f->name);
			f->started = false;
			f->pos = (struct train_feed_pos){.pass = f->pos.pass + 1};
		}
	}
	*s = f->ahead;
	return 1;
}

struct train_example *train_feed_take(struct train_feed *f)
{
	struct train_example *s = f->ahead;
	f->ahead = NULL;
	f->pos.taken++;
	f->pos.hash = train_example_hash(s, f->pos.hash);
	return s;
}

struct train_feed_pos train_feed_tell(const struct train_feed *f)
{
	struct train_feed_pos pos = f->pos;
	pos.stream = f->counted ? f->stream_hash : 0;
	return pos;
}

int train_feed_seek(struct train_feed *f, const struct train_feed_pos *pos, struct fc_err *e)
{
	const struct train_example *s;
	f->expected_hash = pos->stream;
	if (f->counted && check_whole(f, e) < 0)
		return -1;
	if (pos->pass > 0 && read_to_end(f, e) < 0)
		return -1;
	f->pos.pass = pos->pass;
	while (f->pos.taken < pos->taken) {
		int got = train_feed_peek(f, &s, e);
		if (got < 0)
			return -1;
		if (got == 0 || f->pos.pass != pos->pass)
			break;
		train_example_free(train_feed_take(f));
	}
	return f->pos.taken == pos->taken && f->pos.hash == pos->hash ? 0 : fail_other_stream(f, e);
}
