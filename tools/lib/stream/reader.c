/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/mem.h"
#include "stream/frame.h"
#include "stream/nameset.h"
#include "stream/record.h"
#include "stream/seektable.h"

enum { HEADER_PARTS_BYTES = 1 << 20 };

struct fc_reader {
	struct fc_frame_in *in;
	const uint8_t *p; /* the frame's records not read yet */
	size_t n;

	struct fc_header header;  /* of the first section, with all sections' sources */
	struct fc_header section; /* the present one's */
	uint32_t *source_at;      /* [section.n_source] its sources' places in header */
	bool in_section;
	uint64_t n_record; /* of the section */
	bool skipped;      /* not all of it is read, so its hash is not known */
	struct fc_hasher *hash;

	struct fc_arena arena;
	Fc__Record *record;
	struct fc_packer scratch;
	struct fc_map_entry *map;
	size_t cap_map;

	char tensor_name[FC_TENSOR_NAME_MAX + 1]; /* the one whose parts are coming in */
	struct fc_tensor tensor;
	size_t tensor_done;        /* bytes of it seen */
	struct fc_nameset tensors; /* seen in all sections */
};

const struct fc_header *fc_reader_header(const struct fc_reader *r)
{
	return &r->header;
}

const char *fc_reader_name(const struct fc_reader *r)
{
	return fc_frame_in_name(r->in);
}

uint64_t fc_reader_bytes(const struct fc_reader *r)
{
	return fc_frame_in_bytes(r->in);
}

/* Says where in the input the trouble is. */
static int fail_here(const struct fc_reader *r, const char *what, struct fc_err *e)
{
	return fc_fail(e, "%.400s: frame at byte %" PRIu64 ", record %" PRIu64 ": %s",
	    fc_reader_name(r), fc_frame_in_offset(r->in), r->n_record, what);
}

static bool get_varint(struct fc_reader *r, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 64 && r->n; shift += 7) {
		uint8_t b = *r->p++;
		r->n--;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return true;
	}
	return false;
}

static int no_record(const struct fc_reader *r, struct fc_err *e)
{
	return fail_here(
	    r, r->header.kind ? "not a record of a stream" : "not a stream of the fc tools", e);
}

/* Unpacks the record at r->p. */
static int parse_record(struct fc_reader *r, struct fc_err *e)
{
	const uint8_t *start = r->p;
	uint64_t len;
	if (*r->p != (1 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED))
		return no_record(r, e);
	r->p++;
	r->n--;
	if (!get_varint(r, &len) || len > r->n)
		return fail_here(r, "a record longer than its frame", e);
	/* Copies of the fields, and what protobuf-c needs around them: also of more small ones than
	 * a header may have, so that the limit and not the memory is what the message names. */
	fc_arena_reset(&r->arena, 4 * (size_t)len + HEADER_PARTS_BYTES);
	r->record = fc__record__unpack(&r->arena.allocator, (size_t)len, r->p);
	if (!r->record || !r->record->kind_case)
		return no_record(r, e);
	r->p += len;
	r->n -= (size_t)len;
	if (r->record->kind_case == FC__RECORD__KIND_HEADER) {
		if (len > FC_HEADER_MAX_BYTES)
			return fail_here(r, "a header of more than a mebibyte", e);
		fc_hasher_reset(r->hash);
	}
	if (r->record->kind_case != FC__RECORD__KIND_TRAILER)
		fc_hasher_add(r->hash, start, (size_t)(r->p - start));
	return 0;
}

static int end_section(struct fc_reader *r, const Fc__Trailer *t, struct fc_err *e)
{
	if (r->tensor_done != r->tensor.n_bytes)
		return fail_here(r, "the last tensor is not whole", e);
	if (t->n_record != r->n_record || (!r->skipped && t->hash != fc_hasher_value(r->hash)))
		return fail_here(r, "records do not match the trailer", e);
	r->in_section = r->skipped = false;
	return 0;
}

static int start_section(struct fc_reader *r, const Fc__Header *m, struct fc_err *e)
{
	struct fc_err why;
	bool first = r->header.kind == 0;
	if (r->in_section)
		return fail_here(r, "a header before the trailer", e);
	r->n_record = 0;
	fc_header_release(&r->section);
	if (fc_unpack_header(&r->section, m, &why) < 0)
		return fail_here(r, why.msg, e);
	if (first)
		fc_header_copy(&r->header, &r->section);
	char name[512];
	snprintf(name, sizeof name, "%.400s: stream at byte %" PRIu64, fc_reader_name(r),
	    fc_frame_in_offset(r->in));
	if (fc_header_compatible(&r->header, &r->section, name, e) < 0)
		return -1;
	if (r->section.top_k > r->header.top_k)
		return fc_fail(e,
		    "%s: top-k %" PRIu32 " comes after top-k %" PRIu32
		    ": put it first or join them with fc-view",
		    name, r->section.top_k, r->header.top_k);
	if (fc_header_n_output(&r->section) > fc_header_n_output(&r->header))
		return fc_fail(e,
		    "%s: a model of %" PRIu32 " outputs comes after one of %" PRIu32
		    ": put it first or join them with fc-view",
		    name, fc_header_n_output(&r->section), fc_header_n_output(&r->header));
	struct fc_err ignored;
	if (fc_header_same_part(&r->header, &r->section, name, &ignored) < 0)
		r->header.part = (struct fc_shard){0, 0}; /* of several */
	r->source_at = fc_realloc(r->source_at, r->section.n_source, sizeof *r->source_at);
	for (size_t i = 0; i < r->section.n_source; i++)
		r->source_at[i] =
		    (uint32_t)fc_header_find_source(&r->header, &r->section.source[i]);
	if (r->header.n_source > FC_HEADER_MAX_SOURCES)
		return fail_here(r, "too many sources together", e);
	r->in_section = true;
	return 0;
}

/* The next record that is no header and no trailer. */
static enum fc_read next_record(struct fc_reader *r, struct fc_err *e)
{
	for (;;) {
		while (r->n == 0) {
			int ret = fc_frame_in_next(r->in, &r->p, &r->n, e);
			if (ret < 0)
				return FC_READ_ERROR;
			if (ret == 0 && r->header.kind && !r->in_section)
				return FC_READ_END;
			if (ret == 0 && !r->header.kind)
				return fc_fail(
				    e, "%s: empty, where a stream should be", fc_reader_name(r));
			if (ret == 0)
				return fc_fail(e,
				    "%s: cut off after record %" PRIu64
				    ": the program that wrote it did not finish",
				    fc_reader_name(r), r->n_record);
		}
		if (parse_record(r, e) < 0)
			return FC_READ_ERROR;
		if (r->record->kind_case == FC__RECORD__KIND_HEADER) {
			if (start_section(r, r->record->header, e) < 0)
				return FC_READ_ERROR;
			return FC_READ_RECORD;
		}
		if (!r->in_section)
			return fail_here(r, "no header before this record", e);
		if (r->record->kind_case != FC__RECORD__KIND_TRAILER) {
			r->n_record++;
			return FC_READ_RECORD;
		}
		if (end_section(r, r->record->trailer, e) < 0)
			return FC_READ_ERROR;
	}
}

/* The next record of a kind; headers between are taken in on the way. */
static enum fc_read next_of(struct fc_reader *r, Fc__Record__KindCase kind, struct fc_err *e)
{
	enum fc_read ret;
	do
		ret = next_record(r, e);
	while (ret == FC_READ_RECORD && r->record->kind_case == FC__RECORD__KIND_HEADER);
	if (ret == FC_READ_RECORD && r->record->kind_case != kind)
		return fail_here(r, "a record of another kind than the stream's", e);
	return ret;
}

static const char *remedy_of(enum fc_kind is, enum fc_kind want)
{
	if (is == FC_KIND_TOKENS && want == FC_KIND_DISTS)
		return "; run fc-infer without --tokens";
	if (is == FC_KIND_DISTS && want == FC_KIND_TOKENS)
		return "; run fc-infer with --tokens";
	if (want == FC_KIND_MAP)
		return "; fc-align map makes one";
	return "";
}

/* Takes in, also on failure. */
static int open_on(
    struct fc_reader **out, struct fc_frame_in *in, enum fc_kind kind, struct fc_err *e)
{
	struct fc_reader *r = FC_NEW(struct fc_reader);
	r->in = in;
	r->hash = fc_hasher_new();
	fc_arena_init(&r->arena);
	if (next_record(r, e) < 0)
		goto fail;
	if (kind && r->header.kind != kind) {
		fc_fail(e, "%s: this is a %s, not a %s%s", fc_reader_name(r),
		    fc_kind_name(r->header.kind), fc_kind_name(kind),
		    remedy_of(r->header.kind, kind));
		goto fail;
	}
	*out = r;
	return 0;
fail:
	fc_reader_close(r);
	return -1;
}

int fc_reader_open(struct fc_reader **out, const char *path, enum fc_kind kind, struct fc_err *e)
{
	struct fc_frame_in *in;
	*out = NULL;
	return fc_frame_in_open(&in, path, e) < 0 ? -1 : open_on(out, in, kind, e);
}

int fc_reader_open_fd(
    struct fc_reader **out, int fd, const char *name, enum fc_kind kind, struct fc_err *e)
{
	struct fc_frame_in *in;
	*out = NULL;
	return fc_frame_in_open_fd(&in, fd, name, e) < 0 ? -1 : open_on(out, in, kind, e);
}

void fc_reader_close(struct fc_reader *r)
{
	if (!r)
		return;
	fc_frame_in_close(r->in);
	fc_header_release(&r->header);
	fc_header_release(&r->section);
	free(r->source_at);
	fc_hasher_free(r->hash);
	fc_arena_release(&r->arena);
	fc_packer_release(&r->scratch);
	fc_nameset_release(&r->tensors);
	free(r->map);
	free(r);
}

enum fc_read fc_reader_example(struct fc_reader *r, struct fc_example *x, struct fc_err *e)
{
	struct fc_err why;
	enum fc_read ret = next_of(r, FC__RECORD__KIND_EXAMPLE, e);
	if (ret != FC_READ_RECORD)
		return ret;
	if (fc_unpack_example(&r->scratch, &r->section, x, r->record->example, &why) < 0)
		return fail_here(r, why.msg, e);
	if (r->section.n_source)
		x->source = r->source_at[x->source];
	return FC_READ_RECORD;
}

/* The trailer of the file's only section, which is in its last frame with content; NULL: that is
 * something else. */
static const Fc__Trailer *last_trailer(struct fc_reader *r, const struct fc_seektable *t)
{
	struct fc_err ignored; /* the caller reads on and reports it */
	struct fc_hasher *hash = r->hash;
	r->hash = fc_hasher_new(); /* should it be no trailer */
	bool is = fc_frame_in_seek(r->in, t->at[t->n - 1], &ignored) == 0 &&
	    fc_frame_in_next(r->in, &r->p, &r->n, &ignored) == 1 && r->n &&
	    parse_record(r, &ignored) == 0 && !r->n &&
	    r->record->kind_case == FC__RECORD__KIND_TRAILER;
	fc_hasher_free(r->hash);
	r->hash = hash;
	return is ? r->record->trailer : NULL;
}

/* The last frame before which no more than n examples stand: its number, and how many; 0: the
 * frames and the trailer's list do not fit. */
static size_t find_frame(
    const struct fc_seektable *t, const Fc__Trailer *trailer, uint64_t n, uint64_t *before)
{
	uint64_t sum = 0;
	size_t at = 1;
	*before = 0;
	if (trailer->n_frame_records != t->n - 1 || trailer->frame_records[0] != 0)
		return 0;
	for (size_t i = 1; i < t->n - 1; i++) {
		sum += trailer->frame_records[i];
		if (sum <= n) {
			at = i + 1;
			*before = sum;
		}
	}
	return sum == trailer->n_record ? at : 0;
}

int fc_reader_skip(struct fc_reader *r, uint64_t n, uint64_t *skipped, struct fc_err *e)
{
	struct fc_seektable t;
	int rc = 0;
	*skipped = 0;
	/* the header must have had a frame to itself, and nothing been read since */
	if (n == 0 || r->n || r->n_record || !r->in_section || fc_frame_in_fd(r->in) < 0 ||
	    !fc_seektable_read(&t, fc_frame_in_fd(r->in)))
		return 0;
	uint64_t here = fc_frame_in_bytes(r->in);
	if (t.n >= 3 && t.at[1] == here) {
		const Fc__Trailer *trailer = last_trailer(r, &t);
		size_t at = trailer ? find_frame(&t, trailer, n, skipped) : 0;
		r->p = NULL;
		r->n = 0;
		if (!at)
			*skipped = 0;
		rc = fc_frame_in_seek(r->in, at ? t.at[at] : here, e);
		r->n_record = *skipped;
		r->skipped = *skipped > 0;
	}
	fc_seektable_release(&t);
	return rc;
}

bool fc_reader_may_be_cut(const struct fc_reader *r)
{
	struct stat st;
	int fd = fc_frame_in_fd(r->in);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !fc_seektable_is(fd);
}

int fc_reader_check_hits(const struct fc_reader *r, struct fc_err *e)
{
	return fc_check_hits(&r->scratch.checker.hits, fc_reader_name(r), e);
}

/* Parts come in order, each tensor whole before the next. */
static int follow_tensor(struct fc_reader *r, const struct fc_tensor_part *t, struct fc_err *e)
{
	if (r->tensor_done == r->tensor.n_bytes && t->offset == 0) {
		char what[FC_TENSOR_NAME_MAX + 40];
		snprintf(what, sizeof what, "tensor %s comes twice", t->whole.name);
		if (!fc_nameset_add(&r->tensors, t->whole.name, strlen(t->whole.name)))
			return fail_here(r, what, e);
		memcpy(r->tensor_name, t->whole.name, strlen(t->whole.name) + 1);
		r->tensor = t->whole;
		r->tensor.name = r->tensor_name;
		r->tensor_done = t->n;
		return 0;
	}
	if (t->offset != r->tensor_done || t->whole.dtype != r->tensor.dtype ||
	    strcmp(t->whole.name, r->tensor_name) || !fc_tensor_same_shape(&t->whole, &r->tensor))
		return fail_here(r, "a tensor's part does not follow the one before", e);
	r->tensor_done += t->n;
	return 0;
}

enum fc_read fc_reader_tensor(struct fc_reader *r, struct fc_tensor_part *t, struct fc_err *e)
{
	struct fc_err why;
	enum fc_read ret = next_of(r, FC__RECORD__KIND_TENSOR, e);
	if (ret != FC_READ_RECORD)
		return ret;
	if (fc_unpack_tensor(t, r->record->tensor, &why) < 0)
		return fail_here(r, why.msg, e);
	return follow_tensor(r, t, e) < 0 ? FC_READ_ERROR : FC_READ_RECORD;
}

enum fc_read fc_reader_map(struct fc_reader *r, struct fc_map_part *m, struct fc_err *e)
{
	struct fc_err why;
	enum fc_read ret = next_of(r, FC__RECORD__KIND_MAP, e);
	if (ret != FC_READ_RECORD)
		return ret;
	if (fc_unpack_map(&r->scratch, &r->section, &r->map, &r->cap_map, r->record->map, &why) < 0)
		return fail_here(r, why.msg, e);
	*m = (struct fc_map_part){r->map, r->record->map->n_entry};
	return FC_READ_RECORD;
}
