/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/record.h"

#include <stdlib.h>

#include "base/mem.h"
#include "stream/plane.h"

/*
 * A plane of that many bytes gets zstd blocks of its own, so that its bytes' frequencies are coded
 * apart from its neighbours'.
 */
enum { OWN_BLOCK_BYTES = 4096 };

void fc_packer_release(struct fc_packer *p)
{
	fc_buf_release(&p->planes);
	free(p->plane);
	free(p->border);
	free(p->value);
	free(p->id);
	free(p->row);
	fc_row_checker_release(&p->checker);
	*p = (struct fc_packer){0};
}

static void add_varint(struct fc_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		fc_buf_addc(b, (char)(v | 0x80));
	fc_buf_addc(b, (char)v);
}

static size_t varint_size(uint64_t v)
{
	size_t n = 1;
	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

/* Where protobuf-c puts a message: the field that holds planes is seen by its address. */
struct sink {
	ProtobufCBuffer base;
	struct fc_packer *p;
	struct fc_buf *out;
};

static void add_cut(struct fc_packer *p, size_t at)
{
	if (p->n_border && p->border[p->n_border - 1] == at)
		return;
	FC_GROW(p->border, p->cap_border, p->n_border + 1);
	p->border[p->n_border++] = at;
}

static void sink_append(ProtobufCBuffer *base, size_t n, const uint8_t *data)
{
	struct sink *s = (struct sink *)base;
	const struct fc_packer *p = s->p;
	const uint8_t *planes = p ? (const uint8_t *)p->planes.p : NULL;
	if (planes && data >= planes && data < planes + p->planes.n) {
		size_t from = (size_t)(data - planes);
		for (size_t i = 0; i < 2 * p->n_plane; i++)
			if (p->plane[i] >= from && p->plane[i] <= from + n)
				add_cut(s->p, s->out->n + p->plane[i] - from);
	}
	fc_buf_add(s->out, data, n);
}

void fc_pack_record(struct fc_packer *p, struct fc_buf *out, int kind, const ProtobufCMessage *m,
    const struct fc_buf *tail)
{
	struct sink sink = {{sink_append}, p, out};
	size_t n = protobuf_c_message_get_packed_size(m), n_tail = tail ? tail->n : 0;
	fc_buf_addc(out, 1 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED); /* Stream.record */
	add_varint(out, 1 + varint_size(n + n_tail) + n + n_tail);
	fc_buf_addc(out, (char)(kind << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED));
	add_varint(out, n + n_tail);
	protobuf_c_message_pack_to_buffer(m, &sink.base);
	if (n_tail)
		fc_buf_add(out, tail->p, n_tail);
}

void fc_pack_trailer(struct fc_buf *out, uint64_t n_record, uint64_t hash,
    const uint32_t *frame_records, size_t n_frame)
{
	Fc__Trailer m = FC__TRAILER__INIT;
	m.n_record = n_record;
	m.hash = hash;
	m.frame_records = (uint32_t *)frame_records;
	m.n_frame_records = n_frame;
	fc_pack_record(NULL, out, FC__RECORD__KIND_TRAILER, &m.base, NULL);
}

ProtobufCBinaryData fc_put_planes(struct fc_packer *p, const uint32_t *v, size_t n, int width)
{
	uint8_t *to = (uint8_t *)p->planes.p + p->planes.n;
	fc_plane_split(to, v, n, width);
	for (int w = 0; n >= OWN_BLOCK_BYTES && w < width; w++) {
		FC_GROW(p->plane, p->cap_plane, 2 * p->n_plane + 2);
		p->plane[2 * p->n_plane] = p->planes.n + (size_t)w * n;
		p->plane[2 * p->n_plane + 1] = p->planes.n + (size_t)(w + 1) * n;
		p->n_plane++;
	}
	p->planes.n += n * (size_t)width;
	return (ProtobufCBinaryData){n * (size_t)width, to};
}

int fc_get_planes(
    uint32_t *out, const ProtobufCBinaryData *b, size_t n, const char *what, struct fc_err *e)
{
	size_t width = n ? b->len / n : 0;
	if (n ? b->len != n * width || width < 1 || width > 4 : b->len != 0)
		return fc_fail(e, "%s: %zu bytes for %zu values", what, b->len, n);
	if (n)
		fc_plane_join(out, b->data, n, (int)width);
	return 0;
}
