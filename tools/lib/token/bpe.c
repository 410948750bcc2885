/* SPDX-License-Identifier: Apache-2.0 */
#include "token/bpe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"
#include "token/bpe_parts.h"
#include "token/charclass.h"
#include "token/tokenizer.h"

#define NONE FC_NO_TOKEN
#define SCAN_MAX 32 /* symbols; up to here a scan for the lowest rank beats the heap */

struct node {
	struct fc_symbol s;
	uint32_t prev, next;
	uint32_t rank, merged; /* with the next; NONE: never */
};

/* How a piece to be taken apart again was last about to be made. */
struct parts {
	uint32_t id, left, right;
};

struct work {
	struct node *node; /* the piece at work */
	size_t n_node, cap_node;
	uint64_t *heap; /* rank, place */
	size_t n_heap, cap_heap;
	uint32_t cursor;          /* bytes of the piece already in nodes */
	struct fc_symbol unknown; /* not yet added; id NONE: none */
	struct fc_buf spelling;
	struct parts *parts;
	size_t n_parts, cap_parts;
};

static void *work_new(void)
{
	return FC_NEW(struct work);
}

static void work_free(void *own)
{
	struct work *w = own;
	free(w->node);
	free(w->heap);
	free(w->parts);
	fc_buf_release(&w->spelling);
	free(w);
}

static uint32_t find_piece(const struct fc_bpe *b, const char *p, size_t n)
{
	return fc_pieces_find(b->base.pieces, p, n);
}

static void add_node(struct work *w, uint32_t id, uint32_t n_bytes)
{
	FC_GROW(w->node, w->cap_node, w->n_node + 1);
	w->node[w->n_node++].s = (struct fc_symbol){id, w->cursor, w->cursor + n_bytes};
	w->cursor += n_bytes;
}

static void flush_unknown(struct work *w)
{
	if (w->unknown.id != NONE)
		add_node(w, w->unknown.id, w->unknown.end);
	w->unknown.id = NONE;
}

/* A character without a token: the unknown token, if there is one.  It waits for the next known
 * character, behind byte tokens: an oddity of the reference that decides the order of ids. */
static void add_unknown(const struct fc_bpe *b, struct work *w, uint32_t n_bytes)
{
	if (b->base.unk == NONE) {
		w->cursor += n_bytes;
		return;
	}
	if (w->unknown.id != NONE && b->fuse_unk) {
		w->unknown.end += n_bytes;
		return;
	}
	flush_unknown(w);
	w->unknown = (struct fc_symbol){b->base.unk, 0, n_bytes};
}

static bool add_as_bytes(const struct fc_bpe *b, struct work *w, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b->byte_id[(unsigned char)p[i]] == NONE)
			return false;
	for (size_t i = 0; i < n; i++)
		add_node(w, b->byte_id[(unsigned char)p[i]], 1);
	return true;
}

static uint32_t char_symbol(
    const struct fc_bpe *b, struct work *w, const char *p, size_t n, bool is_first, bool is_last)
{
	if ((is_first || !b->prefix) && (!is_last || !b->suffix)) {
		uint32_t id = find_piece(b, p, n), rare = NONE;
		if (id != NONE && b->whole && !b->whole[id])
			return NONE;
		if (id == NONE && b->rare.n_id)
			rare = fc_pieces_find(&b->rare, p, n);
		return rare == NONE ? id : (uint32_t)b->base.pieces->n_id + rare;
	}
	fc_buf_clear(&w->spelling);
	if (!is_first && b->prefix)
		fc_buf_adds(&w->spelling, b->prefix);
	fc_buf_add(&w->spelling, p, n);
	if (is_last && b->suffix)
		fc_buf_adds(&w->spelling, b->suffix);
	return find_piece(b, w->spelling.p, w->spelling.n);
}

static void split_symbols(
    const struct fc_bpe *b, struct work *w, const char *p, size_t n, bool raw_bytes)
{
	w->n_node = 0;
	w->cursor = 0;
	w->unknown.id = NONE;
	for (size_t i = 0, len; i < n; i += len) {
		uint32_t id = b->user.edge ? fc_trie_longest(&b->user, p + i, n - i, &len) : NONE;
		if (id == NONE) {
			len = raw_bytes ? 1 : fc_utf8_valid(p + i, n - i);
			id = raw_bytes ? b->char_id[(unsigned char)p[i]]
				       : char_symbol(b, w, p + i, len, i == 0, i + len == n);
		}
		if (id != NONE) {
			flush_unknown(w);
			add_node(w, id, (uint32_t)len);
		} else if (!b->byte_fallback || !add_as_bytes(b, w, p + i, len)) {
			add_unknown(b, w, (uint32_t)len);
		}
	}
	flush_unknown(w);
}

/* Looks up what node i and the one behind it become. */
static void rate_merge(const struct fc_bpe *b, struct work *w, uint32_t i, uint32_t next)
{
	struct node *node = w->node;
	const struct fc_merge *m =
	    next == NONE ? NULL : fc_merges_find(&b->merges, node[i].s.id, node[next].s.id);
	node[i].rank = m ? m->rank : NONE;
	node[i].merged = m ? m->id : NONE;
	if (m && b->unused && b->unused[m->id]) {
		FC_GROW(w->parts, w->cap_parts, w->n_parts + 1);
		w->parts[w->n_parts++] = (struct parts){m->id, node[i].s.id, node[next].s.id};
	}
}

static void merge_scan(const struct fc_bpe *b, struct work *w)
{
	struct node *v = w->node;
	uint32_t n = (uint32_t)w->n_node;
	for (uint32_t i = 0; i < n; i++)
		rate_merge(b, w, i, i + 1 < n ? i + 1 : NONE);
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
		if (best)
			rate_merge(b, w, best - 1, best);
		rate_merge(b, w, best, best + 1 < n ? best + 1 : NONE);
	}
	w->n_node = n;
}

static void heap_push(struct work *w, uint32_t rank, uint32_t at)
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

static uint64_t heap_pop(struct work *w)
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

static void merge_heap(const struct fc_bpe *b, struct work *w)
{
	struct node *v = w->node;
	uint32_t n = (uint32_t)w->n_node;
	w->n_heap = 0;
	for (uint32_t i = 0; i < n; i++) {
		v[i].prev = i ? i - 1 : NONE;
		v[i].next = i + 1 < n ? i + 1 : NONE;
		rate_merge(b, w, i, v[i].next);
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
		if (v[i].prev != NONE) {
			rate_merge(b, w, v[i].prev, i);
			heap_push(w, v[v[i].prev].rank, v[i].prev);
		}
		rate_merge(b, w, i, next);
		heap_push(w, v[i].rank, i);
	}
	w->n_node = 0;
	for (uint32_t i = 0; i != NONE && n; i = v[i].next)
		v[w->n_node++].s = v[i].s; /* the target is at or before i */
}

/* Adds a symbol.  Neighbouring unknown ones become one; a rare character that was not merged is
 * unknown after all. */
static void add_symbol(const struct fc_bpe *b, struct fc_tokwork *out, size_t first, uint32_t base,
    const char *p, struct fc_symbol s)
{
	bool rare = s.id >= b->base.pieces->n_id;
	if (rare && b->byte_fallback) {
		for (size_t i = s.start; i < s.end; i++)
			fc_tokwork_add(out, base, b->byte_id[(unsigned char)p[i]], i, i + 1);
		return;
	}
	if (rare)
		s.id = b->base.unk;
	struct fc_symbol *last = out->n > first ? &out->symbol[out->n - 1] : NULL;
	if (b->rare.n_id && s.id == b->base.unk && last && last->id == s.id)
		last->end = base + s.end;
	else
		fc_tokwork_add(out, base, s.id, s.start, s.end);
}

/* Adds a symbol, or what it was made of if its piece is not to be used. */
static void take_symbol(const struct fc_bpe *b, const struct work *w, struct fc_tokwork *out,
    size_t first, uint32_t base, const char *p, struct fc_symbol s)
{
	size_t i = w->n_parts, n_left;
	bool unused = b->unused && s.id < b->base.pieces->n_id && b->unused[s.id];
	while (unused && i && w->parts[i - 1].id != s.id)
		i--;
	if (!unused || !i) {
		add_symbol(b, out, first, base, p, s);
		return;
	}
	const struct parts *parts = &w->parts[i - 1];
	fc_bpe_symbol(b, parts->left, &n_left);
	uint32_t middle = s.start + (uint32_t)n_left;
	take_symbol(b, w, out, first, base, p, (struct fc_symbol){parts->left, s.start, middle});
	take_symbol(b, w, out, first, base, p, (struct fc_symbol){parts->right, middle, s.end});
}

static uint32_t whole_piece(
    const struct fc_bpe *b, struct work *w, const char *p, size_t n, bool raw_bytes)
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
	uint32_t id = n > FC_PIECE_MAX ? NONE : find_piece(b, p, n);
	return id != NONE && b->base.forbidden[id] ? NONE : id;
}

static void encode_word(const struct fc_tokmodel *m, struct fc_tokwork *out, const char *p,
    size_t n, uint32_t base, bool raw_bytes)
{
	const struct fc_bpe *b = (const struct fc_bpe *)m;
	struct work *w = out->own;
	uint32_t id = b->ignore_merges ? whole_piece(b, w, p, n, raw_bytes) : NONE;
	if (id != NONE) {
		fc_tokwork_add(out, base, id, 0, n);
		return;
	}
	w->n_parts = 0;
	split_symbols(b, w, p, n, raw_bytes);
	if (w->n_node <= SCAN_MAX)
		merge_scan(b, w);
	else
		merge_heap(b, w);
	size_t first = out->n;
	for (size_t i = 0; i < w->n_node; i++)
		take_symbol(b, w, out, first, base, p, w->node[i].s);
}

/* Where the word that starts at i ends: before the next MARK that may be cut off. */
static size_t word_end(const struct fc_tokmodel *m, const char *p, size_t n, size_t i)
{
	const struct fc_bpe *b = (const struct fc_bpe *)m;
	if (!b->cuts)
		return n;
	for (size_t k = i + 1; k + FC_MARK_BYTES <= n; k++)
		if (p[k] == FC_MARK[0] && !memcmp(p + k, FC_MARK, FC_MARK_BYTES) &&
		    fc_bpe_cuts_behind(b, p, k))
			return k;
	return n;
}

static void bpe_free(struct fc_tokmodel *m)
{
	struct fc_bpe *b = (struct fc_bpe *)m;
	fc_merges_release(&b->merges);
	fc_trie_release(&b->user);
	free(b->prefix);
	free(b->suffix);
	free(b->whole);
	free(b->unused);
	fc_pieces_release(&b->rare);
	free(b);
}

const struct fc_tokmodel_class fc_bpe_class = {
    bpe_free, work_new, work_free, encode_word, word_end};
