/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/kept.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/tmpname.h"
#include "stream/reader.h"
#include "stream/record.h"

#define REMEDY "; remove it to begin anew"

static uint64_t only_model(const struct fc_header *h)
{
	return h->n_source == 1 ? h->source[0].model : h->model;
}

static const char *program_args(const struct fc_header *h)
{
	return h->n_history ? h->history[h->n_history - 1].args : "";
}

static const char *program_version(const struct fc_header *h)
{
	return h->n_history ? h->history[h->n_history - 1].version : "";
}

/* Says how the interrupted run's header a differs from this run's b. */
static int fail_with_difference(
    const char *partial, const struct fc_header *a, const struct fc_header *b, struct fc_err *e)
{
	const struct {
		const char *what;
		uint64_t a, b;
	} same[] = {
	    {"tokenizer", a->tokenizer, b->tokenizer},
	    {"model", only_model(a), only_model(b)},
	    {"chat template", a->template_hash, b->template_hash},
	};
	if (a->kind != b->kind)
		return fc_fail(e, "%s: an interrupted run made a %s, this one makes a %s" REMEDY,
		    partial, fc_kind_name(a->kind), fc_kind_name(b->kind));
	for (size_t i = 0; i < FC_LEN(same); i++)
		if (same[i].a != same[i].b)
			return fc_fail(e,
			    "%s: an interrupted run had another %s (%016" PRIx64 ", not %016" PRIx64
			    ")" REMEDY,
			    partial, same[i].what, same[i].a, same[i].b);
	char part[2][80];
	fc_header_part_text(a, part[0], sizeof part[0]);
	fc_header_part_text(b, part[1], sizeof part[1]);
	if (strcmp(part[0], part[1]) != 0)
		return fc_fail(e, "%s: an interrupted run made %s, this one makes %s" REMEDY,
		    partial, part[0], part[1]);
	if (a->cut != b->cut)
		return fc_fail(e,
		    "%s: an interrupted run had --cut %s, this one has --cut %s" REMEDY, partial,
		    fc_text_cut_words[a->cut], fc_text_cut_words[b->cut]);
	if (strcmp(program_version(a), program_version(b)) != 0)
		return fc_fail(e, "%s: version %s was interrupted, this is %s" REMEDY, partial,
		    program_version(a), program_version(b));
	if (strcmp(program_args(a), program_args(b)) != 0)
		return fc_fail(e,
		    "%s: an interrupted run had the options \"%s\", this one has \"%s\"" REMEDY,
		    partial, program_args(a), program_args(b));
	return fc_fail(e, "%s: an interrupted run wrote another header" REMEDY, partial);
}

static int refuse_header(const char *partial, const struct fc_header *h, struct fc_err *e)
{
	struct fc_reader *r;
	if (fc_reader_open(&r, partial, 0, e) < 0)
		return -1;
	fail_with_difference(partial, fc_reader_header(r), h, e);
	fc_reader_close(r);
	return -1;
}

/* Records in n plain bytes; -1: something else, or a trailer is among them. */
static int64_t count_records(const uint8_t *p, size_t n)
{
	enum { RECORD = 1 << 3 | 2, TRAILER = FC__RECORD__KIND_TRAILER << 3 | 2 };
	int64_t count = 0;
	for (size_t at = 0; at < n; count++) {
		uint64_t len = 0;
		if (p[at++] != RECORD)
			return -1;
		for (int shift = 0; at < n && shift < 64; shift += 7) {
			const uint8_t byte = p[at++];
			len |= (uint64_t)(byte & 0x7f) << shift;
			if (byte < 0x80)
				break;
		}
		if (!len || len > n - at || p[at] == TRAILER)
			return -1;
		at += len;
	}
	return count;
}

static void keep_frame(struct fc_kept *k, const struct fc_frame_in *in, const uint8_t *p, size_t n,
    uint32_t n_record, struct fc_hasher *hash)
{
	FC_GROW(k->frame, k->cap, k->n + 1);
	FC_GROW(k->frame_records, k->cap_records, k->n + 1);
	k->frame_records[k->n] = n_record;
	k->n_record += n_record;
	k->frame[k->n++] = (struct fc_frame_size){
	    (uint32_t)(fc_frame_in_bytes(in) - fc_frame_in_offset(in)), (uint32_t)n};
	k->n_plain += n;
	fc_hasher_add(hash, p, n);
}

/* Is what the file begins with, at most the sign's bytes, the begin of a stream? */
static int check_sign(const char *partial, struct fc_err *e)
{
	uint8_t sign[FC_FRAME_SIGN_BYTES];
	struct fc_mapped m;
	if (fc_mapped_open(&m, partial, e) < 0)
		return -1;
	fc_frame_sign(sign);
	const size_t n = m.n_bytes < sizeof sign ? m.n_bytes : sizeof sign;
	const bool good = !n || !memcmp(m.p, sign, n);
	fc_mapped_close(&m);
	return good ? 0 : fc_fail(e, "%s: not what an interrupted run leaves" REMEDY, partial);
}

int fc_kept_read(struct fc_kept *k, const char *path, const struct fc_header *h,
    const struct fc_buf *header, struct fc_hasher *hash, struct fc_err *e)
{
	char *partial = fc_tmpname_partial(path);
	struct fc_frame_in *in = NULL;
	struct fc_err ended; /* the last frame need not be whole */
	const uint8_t *p;
	size_t n;
	int ret = 0;
	*k = (struct fc_kept){0};
	if (!fc_file_exists(partial))
		goto out;
	if ((ret = check_sign(partial, e)) < 0 || (ret = fc_frame_in_open(&in, partial, e)) < 0)
		goto out;
	/* the first frame that is not whole was being written when the run was ended */
	while (fc_frame_in_next(in, &p, &n, &ended) == 1) {
		const int64_t n_record = count_records(p, n);
		if (!k->n && (n != header->n || memcmp(p, header->p, n) != 0)) {
			ret = refuse_header(partial, h, e);
			break;
		}
		if (n_record < 0)
			break;
		keep_frame(k, in, p, n, k->n ? (uint32_t)n_record : 0, hash);
	}
out:
	fc_frame_in_close(in);
	free(partial);
	return ret;
}

void fc_kept_release(struct fc_kept *k)
{
	free(k->frame);
	free(k->frame_records);
	*k = (struct fc_kept){0};
}
