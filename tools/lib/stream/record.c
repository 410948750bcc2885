/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/record.h"

#include <stdlib.h>

#include "stream/plane.h"

void fc_packer_release(struct fc_packer *p)
{
	fc_buf_release(&p->planes);
	free(p->value);
	free(p->id);
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

void fc_pack_record(
    struct fc_buf *out, int kind, const ProtobufCMessage *m, const struct fc_buf *tail)
{
	size_t n = protobuf_c_message_get_packed_size(m), n_tail = tail ? tail->n : 0;
	fc_buf_addc(out, 1 << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED); /* Stream.record */
	add_varint(out, 1 + varint_size(n + n_tail) + n + n_tail);
	fc_buf_addc(out, (char)(kind << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED));
	add_varint(out, n + n_tail);
	out->n += protobuf_c_message_pack(m, (uint8_t *)fc_buf_reserve(out, n));
	if (n_tail)
		fc_buf_add(out, tail->p, n_tail);
}

void fc_pack_trailer(struct fc_buf *out, uint64_t n_record, uint64_t hash)
{
	Fc__Trailer m = FC__TRAILER__INIT;
	m.n_record = n_record;
	m.hash = hash;
	fc_pack_record(out, FC__RECORD__KIND_TRAILER, &m.base, NULL);
}

ProtobufCBinaryData fc_put_planes(struct fc_packer *p, const uint32_t *v, size_t n, int width)
{
	uint8_t *to = (uint8_t *)p->planes.p + p->planes.n;
	fc_plane_split(to, v, n, width);
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
