/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_RECORD_H
#define FC_STREAM_RECORD_H

#include "stream/arena.h"
#include "stream/check.h"
#include "stream/example.h"
#include "stream/header.h"
#include "stream/map.h"
#include "stream/tensor_part.h"

#include "fc.pb-c.h"

/*
 * Between the messages of fc.proto and our structs.  pack appends a whole record, tag and length
 * included; unpack checks every limit and every relation between fields that fc-stream(5) states.
 * Messages say what is wrong, not where; the reader adds the place.
 */
#define FC_STREAM_MAGIC "fc-stream"
enum { FC_STREAM_MAJOR = 1, FC_STREAM_MINOR = 3 };
#define FC_FLAG_ROW 0x20u       /* in Example.flags: a row predicts this token */
#define FC_TENSOR_NAME_MAX 1024 /* bytes */

/* Memory between calls.  {0} is empty. */
struct fc_packer {
	struct fc_buf planes;
	size_t *plane; /* [2 * n_plane] begin and end of each plane that gets blocks of its own */
	size_t n_plane, cap_plane;
	size_t *border; /* [n_border] where in the records' buffer such blocks begin or end */
	size_t n_border, cap_border;
	uint32_t *value; /* a column before it is split into planes */
	uint32_t *id, *row;
	size_t cap_value, cap_id, cap_row;
	struct fc_row_checker checker;
};
void fc_packer_release(struct fc_packer *p);

int fc_pack_header(struct fc_buf *out, const struct fc_header *h, struct fc_err *e);
int fc_unpack_header(struct fc_header *h, const Fc__Header *m, struct fc_err *e);

int fc_pack_example(struct fc_packer *p, struct fc_buf *out, const struct fc_header *h,
    const struct fc_example *x, struct fc_err *e);
int fc_unpack_example(struct fc_packer *p, const struct fc_header *h, struct fc_example *x,
    const Fc__Example *m, struct fc_err *e);

/* Bytes [offset, offset + n) of t->data. */
int fc_pack_tensor(
    struct fc_buf *out, const struct fc_tensor *t, size_t offset, size_t n, struct fc_err *e);
int fc_unpack_tensor(struct fc_tensor_part *t, const Fc__TensorPart *m, struct fc_err *e);

int fc_pack_map(struct fc_packer *p, struct fc_buf *out, const struct fc_header *h,
    const struct fc_map_entry *entry, size_t n, struct fc_err *e);
int fc_unpack_map(struct fc_packer *p, const struct fc_header *h, struct fc_map_entry **entry,
    size_t *cap, const Fc__MapPart *m, struct fc_err *e);

/* frame_records: [n_frame] records in each frame before the trailer's, the header's first. */
void fc_pack_trailer(struct fc_buf *out, uint64_t n_record, uint64_t hash,
    const uint32_t *frame_records, size_t n_frame);

/* Appends tag, length and message as a field of a Stream; tail's bytes end the message.  Adds the
 * borders of large planes to p->border; p and tail may be NULL. */
void fc_pack_record(struct fc_packer *p, struct fc_buf *out, int kind, const ProtobufCMessage *m,
    const struct fc_buf *tail);
/* Splits n values into planes at the end of p->planes, where the caller made room for them. */
ProtobufCBinaryData fc_put_planes(struct fc_packer *p, const uint32_t *v, size_t n, int width);
/* The width is what the length says.  what: the field, for the message. */
int fc_get_planes(
    uint32_t *out, const ProtobufCBinaryData *b, size_t n, const char *what, struct fc_err *e);

#endif
