/* SPDX-License-Identifier: Apache-2.0 */
#include "token/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "token/bpe_parts.h"
#include "token/charclass.h"
#include "token/tokenizer.h"

#define NONE FC_NO_TOKEN
#define SCAN_MAX 32 /* symbols; up to here a scan for the lowest rank beats the heap */

/* A cache of short pieces, one place for each hash value. */
#define CACHE_BITS 15
#define CACHE_BYTES 30
#define CACHE_SYMBOLS 8
struct cached {
	uint8_t n, n_symbol; /* n: 0: free */
	char piece[CACHE_BYTES];
	uint8_t start[CACHE_SYMBOLS], end[CACHE_SYMBOLS];
	uint32_t id[CACHE_SYMBOLS];
};

struct node {
	struct fc_symbol s;
	uint32_t prev, next;
	uint32_t rank, merged; /* with the next; NONE: never */
};

struct fc_bpe_work {
	struct fc_symbol *symbol; /* the result */
	size_t n, cap;
	struct node *node; /* the piece at work */
	size_t n_node, cap_node;
	uint64_t *heap; /* rank, place */
	size_t n_heap, cap_heap;
	uint32_t cursor;          /* bytes of the piece already in nodes */
	struct fc_symbol unknown; /* not yet added; id NONE: none */
	struct fc_buf spelling;
	struct cached *cache;
};

struct fc_bpe_work *fc_bpe_work_new(void)
{
	struct fc_bpe_work *w = FC_NEW(struct fc_bpe_work);
	w->cache = FC_ARRAY(struct cached, (size_t)1 << CACHE_BITS);
	return w;
}

void fc_bpe_work_free(struct fc_bpe_work *w)
{
	if (!w)
		return;
	free(w->symbol);
	free(w->node);
	free(w->heap);
	fc_buf_release(&w->spelling);
	free(w->cache);
	free(w);
}

static uint32_t find(const struct fc_bpe *b, const char *p, size_t n)
{
	return fc_pieces_find(b->pieces, p, n);
}

static void add(struct fc_bpe_work *w, uint32_t id, uint32_t n_bytes)
{
	FC_GROW(w->node, w->cap_node, w->n_node + 1);
	w->node[w->n_node++].s = (struct fc_symbol){id, w->cursor, w->cursor + n_bytes};
	w->cursor += n_bytes;
}

static void flush_unknown(struct fc_bpe_work *w)
{
	if (w->unknown.id != NONE)
		add(w, w->unknown.id, w->unknown.end);
	w->unknown.id = NONE;
}

/* A character without a token: the unknown token, if there is one.  It waits for the next known
 * character, behind byte tokens: an oddity of the reference that decides the order of ids. */
static void add_unknown(const struct fc_bpe *b, struct fc_bpe_work *w, uint32_t n_bytes)
{
	if (b->unk == NONE) {
		w->cursor += n_bytes;
		return;
	}
	if (w->unknown.id != NONE && b->fuse_unk) {
		w->unknown.end += n_bytes;
		return;
	}
	flush_unknown(w);
	w->unknown = (struct fc_symbol){b->unk, 0, n_bytes};
}

static bool add_as_bytes(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b->byte_id[(unsigned char)p[i]] == NONE)
			return false;
	for (size_t i = 0; i < n; i++)
		add(w, b->byte_id[(unsigned char)p[i]], 1);
	return true;
}

static uint32_t char_symbol(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n,
    bool is_first, bool is_last)
{
	if ((is_first || !b->prefix) && (!is_last || !b->suffix))
		return find(b, p, n);
	fc_buf_clear(&w->spelling);
	if (!is_first && b->prefix)
		fc_buf_adds(&w->spelling, b->prefix);
	fc_buf_add(&w->spelling, p, n);
	if (is_last && b->suffix)
		fc_buf_adds(&w->spelling, b->suffix);
	return find(b, w->spelling.p, w->spelling.n);
}

static void split(
    const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n, bool raw_bytes)
{
	w->n_node = 0;
	w->cursor = 0;
	w->unknown.id = NONE;
	for (size_t i = 0, len; i < n; i += len) {
		len = raw_bytes ? 1 : fc_utf8_valid(p + i, n - i);
		uint32_t id = raw_bytes ? b->char_id[(unsigned char)p[i]]
					: char_symbol(b, w, p + i, len, i == 0, i + len == n);
		if (id != NONE) {
			flush_unknown(w);
			add(w, id, (uint32_t)len);
		} else if (!b->byte_fallback || !add_as_bytes(b, w, p + i, len)) {
			add_unknown(b, w, (uint32_t)len);
		}
	}
	flush_unknown(w);
}

/* Looks up what node i and the one behind it become. */
static void rate(const struct fc_bpe *b, struct node *node, uint32_t i, uint32_t next)
{
	const struct fc_merge *m =
	    next == NONE ? NULL : fc_merges_find(&b->merges, node[i].s.id, node[next].s.id);
	node[i].rank = m ? m->rank : NONE;
	node[i].merged = m ? m->id : NONE;
}

static void merge_scan(const struct fc_bpe *b, struct fc_bpe_work *w)
{
	struct node *v = w->node;
	uint32_t n = (uint32_t)w->n_node;
	for (uint32_t i = 0; i < n; i++)
		rate(b, v, i, i + 1 < n ? i + 1 : NONE);
	while (n > 1) {
		uint32_t best = 0;
		for (uint32_t i = 1; i + 1 < n; i++)
			if (v[i].rank < v[best].rank)
				best = i;
		if (v[best].rank == NONE)
			break;
		v[best].s.id = v[best].merged;
		v[best].s.end = v[best + 1].s.end;
		n--;
		memmove(v + best + 1, v + best + 2, (n - best - 1) * sizeof *v);
		rate(b, v, best, best + 1 < n ? best + 1 : NONE);
		if (best)
			rate(b, v, best - 1, best);
	}
	w->n_node = n;
}

static void heap_push(struct fc_bpe_work *w, uint32_t rank, uint32_t at)
{
	uint64_t key = (uint64_t)rank << 32 | at;
	if (rank == NONE)
		return;
	FC_GROW(w->heap, w->cap_heap, w->n_heap + 1);
	size_t i = w->n_heap++;
	for (; i && w->heap[(i - 1) / 2] > key; i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = key;
}

static uint64_t heap_pop(struct fc_bpe_work *w)
{
	uint64_t *h = w->heap, top = h[0], key = h[--w->n_heap];
	size_t i = 0, k;
	while ((k = 2 * i + 1) < w->n_heap) {
		if (k + 1 < w->n_heap && h[k + 1] < h[k])
			k++;
		if (h[k] >= key)
			break;
		h[i] = h[k];
		i = k;
	}
	h[i] = key;
	return top;
}

static void merge_heap(const struct fc_bpe *b, struct fc_bpe_work *w)
{
	struct node *v = w->node;
	uint32_t n = (uint32_t)w->n_node;
	w->n_heap = 0;
	for (uint32_t i = 0; i < n; i++) {
		v[i].prev = i ? i - 1 : NONE;
		v[i].next = i + 1 < n ? i + 1 : NONE;
		rate(b, v, i, v[i].next);
		heap_push(w, v[i].rank, i);
	}
	while (w->n_heap) {
		uint64_t top = heap_pop(w);
		uint32_t i = (uint32_t)top;
		if (v[i].rank != top >> 32) /* the pair is no more */
			continue;
		uint32_t gone = v[i].next, next = v[gone].next;
		v[i].s.id = v[i].merged;
		v[i].s.end = v[gone].s.end;
		v[i].next = next;
		v[gone].rank = NONE;
		if (next != NONE)
			v[next].prev = i;
		rate(b, v, i, next);
		heap_push(w, v[i].rank, i);
		if (v[i].prev != NONE) {
			rate(b, v, v[i].prev, i);
			heap_push(w, v[v[i].prev].rank, v[i].prev);
		}
	}
	w->n_node = 0;
	for (uint32_t i = 0; i != NONE && n; i = v[i].next)
		v[w->n_node++].s = v[i].s; /* the target is at or before i */
}

/* Appends to the result, places counted from base. */
static void take(struct fc_bpe_work *w, uint32_t base, uint32_t id, uint32_t start, uint32_t end)
{
	w->symbol[w->n++] = (struct fc_symbol){id, base + start, base + end};
}

static uint32_t whole_piece(
    const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n, bool raw_bytes)
{
	if (raw_bytes) {
		fc_buf_clear(&w->spelling);
		char *to = fc_buf_reserve(&w->spelling, 2 * n);
		for (size_t i = 0; i < n; i++)
			w->spelling.n +=
			    fc_utf8_put(to + w->spelling.n, fc_byte_char((unsigned char)p[i]));
		p = w->spelling.p;
		n = w->spelling.n;
	}
	uint32_t id = n > FC_PIECE_MAX ? NONE : find(b, p, n);
	return id != NONE && b->forbidden[id] ? NONE : id;
}

static void encode_uncached(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n,
    bool raw_bytes, uint32_t base)
{
	uint32_t id = b->ignore_merges ? whole_piece(b, w, p, n, raw_bytes) : NONE;
	if (id != NONE) {
		FC_GROW(w->symbol, w->cap, w->n + 1);
		take(w, base, id, 0, (uint32_t)n);
		return;
	}
	split(b, w, p, n, raw_bytes);
	if (w->n_node <= SCAN_MAX)
		merge_scan(b, w);
	else
		merge_heap(b, w);
	FC_GROW(w->symbol, w->cap, w->n + w->n_node);
	for (size_t i = 0; i < w->n_node; i++)
		take(w, base, w->node[i].s.id, w->node[i].s.start, w->node[i].s.end);
}

static void encode_word(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n,
    bool raw_bytes, uint32_t base)
{
	if (n > CACHE_BYTES) {
		encode_uncached(b, w, p, n, raw_bytes, base);
		return;
	}
	struct cached *c = &w->cache[fc_hash(p, n, 0) >> (64 - CACHE_BITS)];
	if (c->n != n || memcmp(c->piece, p, n) != 0) {
		size_t first = w->n;
		encode_uncached(b, w, p, n, raw_bytes, base);
		if (w->n - first > CACHE_SYMBOLS)
			return;
		c->n = (uint8_t)n;
		c->n_symbol = (uint8_t)(w->n - first);
		memcpy(c->piece, p, n);
		for (size_t i = 0; i < c->n_symbol; i++) {
			c->id[i] = w->symbol[first + i].id;
			c->start[i] = (uint8_t)(w->symbol[first + i].start - base);
			c->end[i] = (uint8_t)(w->symbol[first + i].end - base);
		}
		return;
	}
	FC_GROW(w->symbol, w->cap, w->n + CACHE_SYMBOLS);
	for (size_t i = 0; i < c->n_symbol; i++)
		take(w, base, c->id[i], c->start[i], c->end[i]);
}

/* Where the word that starts at i ends: before the next MARK that may be cut off. */
static size_t word_end(const struct fc_bpe *b, const char *p, size_t n, size_t i)
{
	for (size_t k = i + 1; k + FC_MARK_BYTES <= n; k++)
		if (p[k] == FC_MARK[0] && !memcmp(p + k, FC_MARK, FC_MARK_BYTES) &&
		    !fc_bpe_blocks(b, fc_bpe_last_char(p, k)))
			return k;
	return n;
}

size_t fc_bpe_encode(const struct fc_bpe *b, struct fc_bpe_work *w, const char *p, size_t n,
    bool raw_bytes, const struct fc_symbol **out)
{
	w->n = 0;
	for (size_t i = 0, end; i < n; i = end) {
		end = b->cuts && !raw_bytes ? word_end(b, p, n, i) : n;
		encode_word(b, w, p + i, end - i, raw_bytes, (uint32_t)i);
	}
	*out = w->symbol;
	return w->n;
}
