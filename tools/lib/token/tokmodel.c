/* SPDX-License-Identifier: Apache-2.0 */
#include "token/tokmodel.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "token/tokenizer.h"

/* A cache of short pieces, one place for each hash value. */
#define CACHE_BITS 15
#define CACHE_BYTES 30
#define CACHE_SYMBOLS 8
struct fc_tokcached {
	uint8_t n, n_symbol; /* n: 0: free */
	char piece[CACHE_BYTES];
	uint8_t start[CACHE_SYMBOLS], end[CACHE_SYMBOLS];
	uint32_t id[CACHE_SYMBOLS];
};

void fc_tokmodel_init(
    struct fc_tokmodel *m, const struct fc_tokmodel_class *class, const struct fc_pieces *pieces)
{
	m->class = class;
	m->pieces = pieces;
	m->unk = FC_NO_TOKEN;
	m->forbidden = FC_ARRAY(bool, pieces->n_id + 1);
}

void fc_tokmodel_free(struct fc_tokmodel *m)
{
	if (!m)
		return;
	free(m->forbidden);
	m->class->free(m);
}

void fc_tokmodel_forbid(struct fc_tokmodel *m, uint32_t id)
{
	if (id < m->pieces->n_id)
		m->forbidden[id] = true;
}

int fc_tokmodel_unk(const struct fc_pieces *pieces, const char *name, uint32_t *id,
    const char *where, struct fc_err *e)
{
	*id = name && *name ? fc_pieces_find(pieces, name, strlen(name)) : FC_NO_TOKEN;
	if (name && *name && *id == FC_NO_TOKEN)
		return fc_fail(e, "%s: unk_token \"%.64s\" is not in the vocabulary", where, name);
	return 0;
}

struct fc_tokwork *fc_tokwork_new(const struct fc_tokmodel *m)
{
	struct fc_tokwork *w = FC_NEW(struct fc_tokwork);
	w->cache = FC_ARRAY(struct fc_tokcached, (size_t)1 << CACHE_BITS);
	w->own = m->class->work_new();
	return w;
}

void fc_tokwork_free(struct fc_tokwork *w, const struct fc_tokmodel *m)
{
	if (!w)
		return;
	m->class->work_free(w->own);
	free(w->symbol);
	free(w->cache);
	free(w);
}

void fc_tokwork_add(struct fc_tokwork *w, uint32_t base, uint32_t id, size_t start, size_t end)
{
	FC_GROW(w->symbol, w->cap, w->n + 1);
	w->symbol[w->n++] = (struct fc_symbol){id, base + (uint32_t)start, base + (uint32_t)end};
}

static void remember_word(struct fc_tokcached *c, const char *p, size_t n,
    const struct fc_symbol *s, size_t n_symbol, uint32_t base)
{
	c->n = (uint8_t)n;
	c->n_symbol = (uint8_t)n_symbol;
	memcpy(c->piece, p, n);
	for (size_t i = 0; i < n_symbol; i++) {
		c->id[i] = s[i].id;
		c->start[i] = (uint8_t)(s[i].start - base);
		c->end[i] = (uint8_t)(s[i].end - base);
	}
}

static void encode_part(const struct fc_tokmodel *m, struct fc_tokwork *w, const char *p, size_t n,
    bool raw_bytes, uint32_t base)
{
	if (n > CACHE_BYTES) {
		m->class->encode(m, w, p, n, base, raw_bytes);
		return;
	}
	struct fc_tokcached *c = &w->cache[fc_hash(p, n, 0) >> (64 - CACHE_BITS)];
	if (c->n != n || memcmp(c->piece, p, n) != 0) {
		size_t first = w->n;
		m->class->encode(m, w, p, n, base, raw_bytes);
		if (w->n - first <= CACHE_SYMBOLS)
			remember_word(c, p, n, w->symbol + first, w->n - first, base);
		return;
	}
	FC_GROW(w->symbol, w->cap, w->n + CACHE_SYMBOLS);
	for (size_t i = 0; i < c->n_symbol; i++)
		w->symbol[w->n++] =
		    (struct fc_symbol){c->id[i], base + c->start[i], base + c->end[i]};
}

size_t fc_tokmodel_encode(const struct fc_tokmodel *m, struct fc_tokwork *w, const char *p,
    size_t n, bool raw_bytes, const struct fc_symbol **out)
{
	w->n = 0;
	for (size_t i = 0, end; i < n; i = end) {
		end = m->class->part_end && !raw_bytes ? m->class->part_end(m, p, n, i) : n;
		encode_part(m, w, p + i, end - i, raw_bytes, (uint32_t)i);
	}
	*out = w->symbol;
	return w->n;
}
