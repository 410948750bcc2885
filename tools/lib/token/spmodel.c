/* SPDX-License-Identifier: Apache-2.0 */
#include "token/spmodel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/tokenizer.h"

/*
 * Protobuf by hand: a handful of fields in a flat message (sentencepiece_model.proto of
 * google/sentencepiece), read in one pass.  Fields that are not known are skipped.
 */
struct wire {
	const unsigned char *p, *end;
};
struct field {
	uint32_t number, type; /* type 0: varint, 1: 8 bytes, 2: bytes, 5: 4 bytes */
	uint64_t v;            /* of types 0 and 5 */
	struct wire bytes;     /* of type 2 */
};

static bool get_varint(struct wire *w, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; w->p < w->end && shift < 64; shift += 7) {
		unsigned char b = *w->p++;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* false: malformed */
static bool next_field(struct wire *w, struct field *f)
{
	uint64_t tag, n;
	if (!get_varint(w, &tag) || !tag || tag >> 32)
		return false;
	f->number = (uint32_t)(tag >> 3);
	f->type = tag & 7;
	f->v = 0;
	f->bytes = (struct wire){w->p, w->p};
	if (f->type == 0)
		return get_varint(w, &f->v);
	if (f->type == 2) {
		if (!get_varint(w, &n) || n > (uint64_t)(w->end - w->p))
			return false;
		f->bytes = (struct wire){w->p, w->p + n};
		w->p += n;
		return true;
	}
	size_t width = f->type == 1 ? 8 : f->type == 5 ? 4 : 0;
	if (!width || (size_t)(w->end - w->p) < width)
		return false;
	for (size_t i = 0; width == 4 && i < 4; i++)
		f->v |= (uint64_t)w->p[i] << 8 * i;
	w->p += width;
	return true;
}

static float float_of(uint64_t bits)
{
	uint32_t u = (uint32_t)bits;
	float v;
	memcpy(&v, &u, sizeof v);
	return v;
}

static int malformed(const char *name, const char *what, struct fc_err *e)
{
	return fc_fail(e, "%s: %s: malformed SentencePiece model", name, what);
}

static int read_piece(struct fc_spmodel *m, struct wire w, const char *name, struct fc_err *e)
{
	struct field f;
	const char *piece = NULL;
	size_t n = 0, id = m->pieces.n_id;
	float score = 0;
	uint64_t kind = FC_PIECE_NORMAL;
	char where[512];
	snprintf(where, sizeof where, "%.400s: piece %zu", name, id);
	while (w.p < w.end) {
		if (!next_field(&w, &f))
			return malformed(where, "its fields", e);
		if (f.number == 1 && f.type == 2) {
			piece = (const char *)f.bytes.p;
			n = (size_t)(f.bytes.end - f.bytes.p);
		} else if (f.number == 2 && f.type == 5) {
			score = float_of(f.v);
		} else if (f.number == 3 && f.type == 0) {
			kind = f.v;
		}
	}
	if (!n || fc_utf8_check(piece, n) < n || memchr(piece, 0, n))
		return fc_fail(e, "%s: expected UTF-8 without NUL", where);
	if (kind < FC_PIECE_NORMAL || kind > FC_PIECE_BYTE)
		return fc_fail(e, "%s: type %" PRIu64 " is not one of 1 to 6", where, kind);
	if (!isfinite(score))
		return fc_fail(e, "%s: its score is not a number", where);
	if (fc_pieces_add(&m->pieces, piece, n, (int64_t)id, where, e) < 0)
		return -1;
	size_t cap = m->cap;
	FC_GROW(m->score, cap, id + 1);
	FC_GROW(m->kind, m->cap, id + 1);
	m->score[id] = score;
	m->kind[id] = (uint8_t)kind;
	return 0;
}

static uint32_t id_of(uint64_t v)
{
	return v < FC_ID_CEILING ? (uint32_t)v : FC_NO_TOKEN; /* -1: none */
}

static int read_trainer(struct fc_spmodel *m, struct wire w, const char *name, struct fc_err *e)
{
	struct field f;
	while (w.p < w.end) {
		if (!next_field(&w, &f))
			return malformed(name, "trainer_spec", e);
		if (f.type != 0)
			continue;
		switch (f.number) {
		case 3:
			if (f.v != FC_SP_UNIGRAM && f.v != FC_SP_BPE)
				return fc_fail(e,
				    "%s: model_type %" PRIu64
				    " is not supported; UNIGRAM (1) and BPE (2) are",
				    name, f.v);
			m->type = (int)f.v;
			break;
		case 24:
			m->space_is_suffix = f.v != 0;
			break;
		case 35:
			m->byte_fallback = f.v != 0;
			break;
		case 41:
			m->bos = id_of(f.v);
			break;
		case 42:
			m->eos = id_of(f.v);
			break;
		case 43:
			m->pad = id_of(f.v);
			break;
		default:
			break;
		}
	}
	return 0;
}

static int read_normalizer(struct fc_spmodel *m, struct wire w, const char *name, struct fc_err *e)
{
	struct field f;
	while (w.p < w.end) {
		if (!next_field(&w, &f))
			return malformed(name, "normalizer_spec", e);
		if (f.number == 2 && f.type == 2) {
			free(m->charsmap);
			m->n_charsmap = (size_t)(f.bytes.end - f.bytes.p);
			m->charsmap = m->n_charsmap ? fc_memdup0(f.bytes.p, m->n_charsmap) : NULL;
		} else if (f.type == 0 && f.number == 3) {
			m->dummy_prefix = f.v != 0;
		} else if (f.type == 0 && f.number == 4) {
			m->remove_extra_spaces = f.v != 0;
		} else if (f.type == 0 && f.number == 5) {
			m->escape_spaces = f.v != 0;
		}
	}
	return 0;
}

bool fc_spmodel_has_bytes(const struct fc_pieces *pieces, const uint8_t *kind)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		char s[8];
		int n = snprintf(s, sizeof s, "<0x%02X>", byte);
		uint32_t id = fc_pieces_find(pieces, s, (size_t)n);
		if (id == FC_NO_TOKEN || kind[id] != FC_PIECE_BYTE)
			return false;
	}
	return true;
}

/* The unknown token and the roles must be there. */
static int check_roles(struct fc_spmodel *m, const char *name, struct fc_err *e)
{
	size_t n = m->pieces.n_id;
	for (uint32_t id = 0; id < n; id++) {
		if (m->kind[id] != FC_PIECE_UNKNOWN)
			continue;
		if (m->unk != FC_NO_TOKEN)
			return fc_fail(e, "%s: pieces %u and %u are both the unknown token", name,
			    (unsigned)m->unk, (unsigned)id);
		m->unk = id;
	}
	if (m->unk == FC_NO_TOKEN)
		return fc_fail(e, "%s: no piece is the unknown token", name);
	if (m->byte_fallback && !fc_spmodel_has_bytes(&m->pieces, m->kind))
		return fc_fail(e,
		    "%s: byte_fallback without a piece of type BYTE for each of <0x00> to <0xFF>",
		    name);
	uint32_t *role[] = {&m->bos, &m->eos, &m->pad};
	for (size_t i = 0; i < FC_LEN(role); i++)
		if (*role[i] != FC_NO_TOKEN &&
		    (*role[i] >= n || m->kind[*role[i]] != FC_PIECE_CONTROL))
			*role[i] = FC_NO_TOKEN; /* numbers that training left behind */
	return 0;
}

bool fc_spmodel_is(const char *p, size_t n)
{
	struct wire w = {(const unsigned char *)p, (const unsigned char *)p + n};
	struct field f;
	return next_field(&w, &f) && f.number == 1 && f.type == 2 && f.bytes.p < f.bytes.end &&
	    *f.bytes.p == 0x0a;
}

int fc_spmodel_read(
    struct fc_spmodel *m, const char *p, size_t n, const char *name, struct fc_err *e)
{
	struct wire w = {(const unsigned char *)p, (const unsigned char *)p + n};
	struct field f;
	*m = (struct fc_spmodel){.type = FC_SP_UNIGRAM,
	    .dummy_prefix = true,
	    .remove_extra_spaces = true,
	    .escape_spaces = true,
	    .unk = FC_NO_TOKEN,
	    .bos = 1, /* the defaults of trainer_spec */
	    .eos = 2,
	    .pad = FC_NO_TOKEN};
	while (w.p < w.end) {
		if (!next_field(&w, &f))
			return malformed(name, "its fields", e);
		int rc = f.type != 2 ? 0
		    : f.number == 1  ? read_piece(m, f.bytes, name, e)
		    : f.number == 2  ? read_trainer(m, f.bytes, name, e)
		    : f.number == 3  ? read_normalizer(m, f.bytes, name, e)
				     : 0;
		if (rc < 0)
			return -1;
	}
	return check_roles(m, name, e);
}

void fc_spmodel_release(struct fc_spmodel *m)
{
	fc_pieces_release(&m->pieces);
	free(m->score);
	free(m->kind);
	free(m->charsmap);
	*m = (struct fc_spmodel){0};
}
