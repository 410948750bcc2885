/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "stream/frame.h"
#include "stream/kept.h"
#include "stream/nameset.h"
#include "stream/record.h"

/*
 * A frame ends once it holds FRAME_BYTES, or an eighth of what was written before it.  So the first
 * record goes out at once, a reader downstream is never more than an eighth of the time behind a
 * steady writer, and the same records always give the same bytes, which a clock would not.
 */
enum {
	FRAME_BYTES = 128 << 10,
	FRAME_SHARE = 8,
	RECORD_BYTES =
	    FC_FRAME_MAX - FRAME_BYTES, /* a record and a frame's records before it fit a frame */
	TENSOR_BYTES = 1 << 20, /* a record's share of a tensor; a multiple of every element size */
	MAP_ENTRIES = 16384,    /* of a record */
	MAX_COUNTED = 1 << 23,  /* frames in a trailer's list, of at most 5 bytes each */
};

struct fc_writer {
	struct fc_frame_out *out;
	char *name;
	struct fc_header header;
	struct fc_buf records; /* of the frame being filled */
	uint64_t n_written;    /* plain bytes in frames written */
	uint64_t n_record;
	uint32_t *frame_records; /* [n_frame] records of each frame of the section */
	size_t n_frame, cap_frame;
	uint64_t n_counted;     /* records in these */
	struct fc_hasher *hash; /* of everything since the header */
	struct fc_packer scratch;
	struct fc_nameset tensors; /* written, in all sections */
};

static int end_frame(struct fc_writer *w, struct fc_err *e)
{
	if (!w->records.n)
		return 0;
	fc_hasher_add(w->hash, w->records.p, w->records.n);
	w->n_written += w->records.n;
	FC_GROW(w->frame_records, w->cap_frame, w->n_frame + 1);
	w->frame_records[w->n_frame++] = (uint32_t)(w->n_record - w->n_counted);
	w->n_counted = w->n_record;
	const struct fc_packer *s = &w->scratch;
	int ret = fc_frame_out_put(w->out, w->records.p, w->records.n, s->border, s->n_border, e);
	w->scratch.n_border = 0;
	fc_buf_clear(&w->records);
	return ret;
}

static int start_section(struct fc_writer *w, const struct fc_header *h, struct fc_err *e)
{
	struct fc_err why;
	fc_header_release(&w->header);
	fc_header_copy(&w->header, h);
	fc_hasher_reset(w->hash);
	w->n_record = w->n_counted = 0;
	w->n_frame = 0;
	if (fc_pack_header(&w->records, h, &why) < 0)
		return fc_fail(e, "%s: %s", w->name, why.msg);
	return end_frame(w, e);
}

static int end_section(struct fc_writer *w, struct fc_err *e)
{
	if (end_frame(w, e) < 0)
		return -1;
	/* frames without number are more than any reader goes by; their list must stay a record */
	size_t n_frame = w->n_frame <= MAX_COUNTED ? w->n_frame : 0;
	fc_pack_trailer(
	    &w->records, w->n_record, fc_hasher_value(w->hash), w->frame_records, n_frame);
	return end_frame(w, e);
}

static struct fc_writer *writer_new(const char *path)
{
	struct fc_writer *w = FC_NEW(struct fc_writer);
	w->name = fc_strdup(path && strcmp(path, "-") ? path : "standard output");
	w->hash = fc_hasher_new();
	return w;
}

int fc_writer_open(
    struct fc_writer **out, const char *path, const struct fc_header *h, struct fc_err *e)
{
	*out = NULL;
	struct fc_frame_out *f;
	if (fc_frame_out_open(&f, path, e) < 0)
		return -1;
	struct fc_writer *w = writer_new(path);
	w->out = f;
	if (start_section(w, h, e) < 0) {
		fc_writer_abort(w);
		return -1;
	}
	*out = w;
	return 0;
}

int fc_writer_resume(struct fc_writer **out, const char *path, const struct fc_header *h,
    uint64_t *n_kept, struct fc_err *e)
{
	struct fc_writer *w = writer_new(path);
	struct fc_kept kept = {0};
	struct fc_err why;
	int ret = -1;
	*out = NULL;
	if (fc_pack_header(&w->records, h, &why) < 0) {
		fc_fail(e, "%s: %s", w->name, why.msg);
		goto out;
	}
	if (fc_kept_read(&kept, path, h, &w->records, w->hash, e) < 0)
		goto out;
	fc_buf_clear(&w->records);
	w->n_written = kept.n_plain;
	w->n_record = w->n_counted = *n_kept = kept.n_record;
	FC_GROW(w->frame_records, w->cap_frame, kept.n);
	if (kept.n)
		memcpy(w->frame_records, kept.frame_records, kept.n * sizeof *w->frame_records);
	w->n_frame = kept.n;
	if (fc_frame_out_resume(&w->out, path, kept.frame, kept.n, e) < 0)
		goto out;
	if (kept.n)
		fc_header_copy(&w->header, h);
	ret = kept.n ? 0 : start_section(w, h, e);
out:
	fc_kept_release(&kept);
	if (ret < 0)
		fc_writer_abort(w);
	else
		*out = w;
	return ret;
}

int fc_writer_section(struct fc_writer *w, const struct fc_header *h, struct fc_err *e)
{
	return end_section(w, e) < 0 || start_section(w, h, e) < 0 ? -1 : 0;
}

/* of: the name of what it holds. */
static int end_record(struct fc_writer *w, size_t before, const char *of, struct fc_err *e)
{
	size_t n = w->records.n - before;
	if (n > RECORD_BYTES)
		return fc_fail(e,
		    "%s: record %" PRIu64 " (%.100s) of %zu bytes exceeds the limit of %zu",
		    w->name, w->n_record + 1, of, n, FC_FRAME_MAX);
	w->n_record++;
	if (w->records.n >= FRAME_BYTES || w->records.n >= w->n_written / FRAME_SHARE)
		return end_frame(w, e);
	return 0;
}

int fc_writer_example(struct fc_writer *w, const struct fc_example *x, struct fc_err *e)
{
	struct fc_err why;
	size_t before = w->records.n;
	if (w->header.kind != FC_KIND_DISTS && w->header.kind != FC_KIND_TOKENS)
		return fc_fail(e, "%s: no example in a %s", w->name, fc_kind_name(w->header.kind));
	if (fc_pack_example(&w->scratch, &w->records, &w->header, x, &why) < 0)
		return fc_fail(
		    e, "%s: example %.100s: %s", w->name, x->id.p ? x->id.p : "", why.msg);
	return end_record(w, before, x->id.p ? x->id.p : "", e);
}

int fc_writer_tensor(struct fc_writer *w, const struct fc_tensor *t, struct fc_err *e)
{
	if (!fc_kind_has_tensors(w->header.kind))
		return fc_fail(e, "%s: no tensor in a %s", w->name, fc_kind_name(w->header.kind));
	if (!fc_nameset_add(&w->tensors, t->name, strlen(t->name)))
		return fc_fail(e, "%s: tensor %s comes twice", w->name, t->name);
	size_t at = 0;
	do {
		struct fc_err why;
		size_t before = w->records.n, left = t->n_bytes - at;
		size_t n = left < TENSOR_BYTES ? left : TENSOR_BYTES;
		if (fc_pack_tensor(&w->records, t, at, n, &why) < 0)
			return fc_fail(e, "%s: %s", w->name, why.msg);
		if (end_record(w, before, t->name, e) < 0)
			return -1;
		at += n;
	} while (at < t->n_bytes);
	return 0;
}

int fc_writer_map(struct fc_writer *w, const struct fc_map_entry *entry, size_t n, struct fc_err *e)
{
	if (w->header.kind != FC_KIND_MAP)
		return fc_fail(e, "%s: no map in a %s", w->name, fc_kind_name(w->header.kind));
	for (size_t at = 0; at < n; at += MAP_ENTRIES) {
		struct fc_err why;
		size_t before = w->records.n, part = n - at < MAP_ENTRIES ? n - at : MAP_ENTRIES;
		if (fc_pack_map(&w->scratch, &w->records, &w->header, entry + at, part, &why) < 0)
			return fc_fail(e, "%s: %s", w->name, why.msg);
		if (end_record(w, before, "vocabulary map", e) < 0)
			return -1;
	}
	return 0;
}

static void release_writer(struct fc_writer *w)
{
	fc_header_release(&w->header);
	fc_buf_release(&w->records);
	fc_hasher_free(w->hash);
	free(w->frame_records);
	fc_packer_release(&w->scratch);
	fc_nameset_release(&w->tensors);
	free(w->name);
	free(w);
}

int fc_writer_finish(struct fc_writer *w, struct fc_err *e)
{
	int ret = end_section(w, e);
	if (ret < 0)
		fc_frame_out_abort(w->out);
	else
		ret = fc_frame_out_finish(w->out, e);
	release_writer(w);
	return ret;
}

void fc_writer_abort(struct fc_writer *w)
{
	if (!w)
		return;
	fc_frame_out_abort(w->out);
	release_writer(w);
}
