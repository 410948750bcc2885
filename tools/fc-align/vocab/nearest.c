/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "fc-align/vocab/by_character.h"
#include "tensor/simd.h"

enum { BLOCK = 256, TWO_LESS = 16, N_BAG = 32, RANKED = 64, FEW = 8 };
#define NONE UINT32_MAX

struct node { /* of a list of strings with one hash */
	uint32_t check, index, next;
};

/* How often each character occurs, by a hash of it; full counts stay at 255. */
struct bag {
	uint8_t n[N_BAG];
};

/* The strings of one length, by rising index. */
struct bucket {
	uint32_t *index; /* [n] */
	uint64_t *set;   /* [n] */
	struct bag *bag; /* [n] */
	size_t n;
};

struct align_nearest {
	const struct align_chars *s;
	struct node *node; /* [n_node] */
	uint32_t
	    *head[2]; /* [n_head], a power of two: strings and those less one; those less two */
	size_t n_node, n_head, longest;
	struct bucket *bucket; /* [longest + 1] */
	size_t n;              /* strings */
	uint32_t *index;       /* [n] strings by length, see struct bucket */
	uint64_t *set;
	struct bag *bag;
	struct align_by_character by_character; /* by place in index */
};

static uint64_t hash_of(const uint32_t *v, size_t n)
{
	return fc_hash(v, n * sizeof *v, 1);
}

/* Equal neighbours give the same string when one of them goes. */
static bool repeats_at(struct align_chars s, size_t i)
{
	return i > 0 && s.v[i] == s.v[i - 1];
}

/* The hashes of s less no, one and, up to TWO_LESS characters, two characters. */
struct less {
	struct align_chars s;
	uint32_t *buf; /* [s.n] */
	size_t i, j;   /* what goes next: i == s.n for none, j == i for i alone */
};

static struct less less_begin(struct align_chars s, uint32_t *buf)
{
	return (struct less){s, buf, s.n, s.n};
}

static uint64_t less_hash(const struct less *l)
{
	const uint32_t *v = l->s.v;
	size_t n = l->s.n, i = l->i, j = l->j;
	if (i == n)
		return hash_of(v, n);
	memcpy(l->buf, v, i * sizeof *v);
	if (j == i) {
		memcpy(l->buf + i, v + i + 1, (n - i - 1) * sizeof *v);
		return hash_of(l->buf, n - 1);
	}
	memcpy(l->buf + i, v + i + 1, (j - i - 1) * sizeof *v);
	memcpy(l->buf + j - 1, v + j + 1, (n - j - 1) * sizeof *v);
	return hash_of(l->buf, n - 2);
}

/* First none, then every i, then every pair i < j. */
static bool less_next(struct less *l)
{
	size_t n = l->s.n;
	if (l->i == n) {
		l->i = l->j = 0;
		return n > 0;
	}
	if (l->i == l->j) {
		do
			l->i++;
		while (l->i < n && repeats_at(l->s, l->i));
		l->j = l->i;
		if (l->i < n)
			return true;
		l->i = 0;
		l->j = 0;
		if (n < 2 || n > TWO_LESS)
			return false;
	}
	l->j++;
	if (l->j == n) {
		do
			l->i++;
		while (l->i < n && repeats_at(l->s, l->i));
		l->j = l->i + 1;
	}
	return l->j < n;
}

static void add_node(struct align_nearest *x, bool two, uint64_t hash, uint32_t index)
{
	uint32_t *head = &x->head[two][hash & (x->n_head - 1)];
	x->node[x->n_node] = (struct node){(uint32_t)(hash >> 32), index, *head};
	*head = (uint32_t)x->n_node++;
}

static uint64_t set_of(struct align_chars s)
{
	uint64_t set = 0;
	for (size_t i = 0; i < s.n; i++)
		set |= UINT64_C(1) << ((s.v[i] * UINT32_C(2654435761)) >> 26);
	return set;
}

static struct bag bag_of(struct align_chars s)
{
	struct bag bag = {{0}};
	for (size_t i = 0; i < s.n; i++) {
		uint8_t *n = &bag.n[(s.v[i] * UINT32_C(2654435761)) >> 27];
		*n += *n < 255;
	}
	return bag;
}

/* How many characters of a are missing in b, at least: of each hash 7 count, so that the sum fits a
 * byte. */
static uint32_t surplus_of(const struct bag *a, const struct bag *b)
{
	uint8_t sum = 0;
	for (size_t i = 0; i < N_BAG; i++) {
		uint8_t more = (uint8_t)((a->n[i] > b->n[i] ? a->n[i] : b->n[i]) - b->n[i]);
		sum = (uint8_t)(sum + (more < 7 ? more : 7));
	}
	return sum;
}

static void fill_buckets(struct align_nearest *x, size_t n)
{
	size_t at = 0;
	x->bucket = FC_ARRAY(struct bucket, x->longest + 1);
	x->index = FC_ARRAY(uint32_t, n + 1);
	x->set = FC_ARRAY(uint64_t, n + 1);
	x->bag = FC_ARRAY(struct bag, n + 1);
	for (size_t i = 0; i < n; i++)
		x->bucket[x->s[i].n].n++;
	for (size_t len = 0; len <= x->longest; len++) {
		struct bucket *f = &x->bucket[len];
		*f = (struct bucket){x->index + at, x->set + at, x->bag + at, f->n};
		at += f->n;
		f->n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct bucket *f = &x->bucket[x->s[i].n];
		f->index[f->n] = (uint32_t)i;
		f->bag[f->n] = bag_of(x->s[i]);
		f->set[f->n++] = set_of(x->s[i]);
	}
}

struct align_nearest *align_nearest_new(const struct align_chars *s, size_t n)
{
	struct align_nearest *x = FC_NEW(struct align_nearest);
	size_t n_node = 0;
	x->s = s;
	for (size_t i = 0; i < n; i++) {
		n_node += s[i].n + 1 + (s[i].n <= TWO_LESS ? s[i].n * (s[i].n + 1) / 2 : 0);
		x->longest = s[i].n > x->longest ? s[i].n : x->longest;
	}
	for (x->n_head = 1; x->n_head < n_node;)
		x->n_head *= 2;
	x->node = FC_ARRAY(struct node, n_node + 1);
	for (int two = 0; two < 2; two++) {
		x->head[two] = FC_ARRAY(uint32_t, x->n_head);
		memset(x->head[two], 0xff, x->n_head * sizeof *x->head[two]);
	}
	uint32_t *buf = FC_ARRAY(uint32_t, x->longest + 1);
	for (size_t k = n; k-- > 0;) { /* the lowest index comes to stand first in its list */
		struct less l = less_begin(s[k], buf);
		if (s[k].n == 0)
			continue;
		do
			add_node(x, l.i != l.j, less_hash(&l), (uint32_t)k);
		while (less_next(&l));
	}
	free(buf);
	x->n = n;
	fill_buckets(x, n);
	align_by_character_init(&x->by_character, s, x->index, n);
	return x;
}

void align_nearest_free(struct align_nearest *x)
{
	if (!x)
		return;
	align_by_character_release(&x->by_character);
	free(x->node);
	free(x->head[0]);
	free(x->head[1]);
	free(x->bucket);
	free(x->index);
	free(x->set);
	free(x->bag);
	free(x);
}

struct best {
	uint32_t index, distance;
};

static bool is_better(const struct best *b, uint32_t index, uint32_t distance)
{
	return distance < b->distance || (distance == b->distance && index < b->index);
}

/* The strings of one list that are at most `most` away, as long as they have lower indices than
 * the best. */
static void search_list(const struct align_nearest *x, bool two, struct align_leven *p,
    uint64_t hash, uint32_t most, struct best *best)
{
	uint32_t check = (uint32_t)(hash >> 32), i = x->head[two][hash & (x->n_head - 1)];
	for (; i != NONE; i = x->node[i].next) {
		const struct node *node = &x->node[i];
		if (best->distance <= most && node->index >= best->index)
			return;
		if (node->check != check)
			continue;
		uint32_t d = align_leven_distance(p, x->s[node->index], most);
		if (d <= most && is_better(best, node->index, d))
			*best = (struct best){node->index, d};
	}
}

/* Finds what is equal, else what is at distance 1, else, where the table is complete for that, at
 * distance 2.  Returns the least distance at which something may be left. */
static uint32_t search_lists(
    const struct align_nearest *x, struct align_leven *p, struct align_chars s, struct best *best)
{
	uint32_t buf[256], least = 2;
	uint32_t *without = s.n <= FC_LEN(buf) ? buf : FC_ARRAY(uint32_t, s.n);
	struct less l = less_begin(s, without);
	search_list(x, false, p, less_hash(&l), 0, best);
	if (best->distance > 0)
		do
			search_list(x, false, p, less_hash(&l), 1, best);
		while (less_next(&l) && l.i == l.j);
	if (best->distance > 1 && s.n + 2 <= TWO_LESS) {
		least = 3;
		l = less_begin(s, without);
		do {
			search_list(x, false, p, less_hash(&l), 2, best);
			search_list(x, true, p, less_hash(&l), 2, best);
		} while (less_next(&l));
	}
	if (without != buf)
		free(without);
	return least;
}

/* Which of n sets lack at most `most` members of `set`, and have at most as many others: an edit
 * removes or brings one.  out: room for n. */
static FC_SIMD_BODY void filter_body(
    const uint64_t *with, size_t n, uint64_t set, int most, uint32_t *out, size_t *n_out)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		out[k] = (uint32_t)i;
		k += __builtin_popcountll(set & ~with[i]) <= most &&
		    __builtin_popcountll(with[i] & ~set) <= most;
	}
	*n_out = k;
}
FC_SIMD_KERNEL(static void, filter,
    (const uint64_t *with, size_t n, uint64_t set, int most, uint32_t *out, size_t *n_out),
    (with, n, set, most, out, n_out))

struct query {
	uint64_t set;
	struct bag bag;
};

static void compare_at(const struct align_nearest *x, struct align_leven *p, size_t place,
    const struct query *q, struct best *best)
{
	const struct bag *bag = &x->bag[place];
	if (surplus_of(&q->bag, bag) > best->distance || surplus_of(bag, &q->bag) > best->distance)
		return;
	uint32_t index = x->index[place], d = align_leven_distance(p, x->s[index], best->distance);
	if (d <= best->distance && is_better(best, index, d))
		*best = (struct best){index, d};
}

/*
 * Compares with all that hold one of the rarest characters of s, as long as these are few.  Returns
 * the least distance of all others: each occurrence of a character that they lack costs an edit.
 */
static uint32_t search_rare(const struct align_nearest *x, struct align_leven *p,
    struct align_chars s, const struct query *q, struct best *best)
{
	struct align_character_count rare[RANKED];
	size_t n_rare = align_by_character_rank(&x->by_character, s, RANKED, rare), seen = 0;
	uint32_t least = 0;
	for (size_t r = 0; r < n_rare && best->distance >= least; r++) {
		const uint32_t *place = x->by_character.place + x->by_character.start[rare[r].c];
		seen += rare[r].n;
		if (seen > x->n / FEW)
			break;
		for (size_t i = 0; i < rare[r].n; i++) {
			uint64_t set = x->set[place[i]];
			if (__builtin_popcountll(q->set & ~set) <= (int)best->distance &&
			    __builtin_popcountll(set & ~q->set) <= (int)best->distance)
				compare_at(x, p, place[i], q, best);
		}
		least += rare[r].times;
	}
	return least;
}

/* least: nothing is nearer than that. */
static void search_bucket(const struct align_nearest *x, struct align_leven *p,
    const struct bucket *f, const struct query *q, uint32_t least, struct best *best)
{
	uint32_t pick[BLOCK];
	for (size_t at = 0; at < f->n; at += BLOCK) {
		size_t n = f->n - at < BLOCK ? f->n - at : BLOCK, n_pick;
		if (best->distance == least && f->index[at] > best->index)
			return;
		filter(f->set + at, n, q->set, (int)best->distance, pick, &n_pick);
		size_t place = (size_t)(f->index - x->index) + at;
		for (size_t i = 0; i < n_pick; i++)
			compare_at(x, p, place + pick[i], q, best);
	}
}

uint32_t align_nearest_find(
    const struct align_nearest *x, struct align_leven *p, struct align_chars s, uint32_t *distance)
{
	struct best best = {NONE, (uint32_t)(s.n > x->longest ? s.n : x->longest)};
	struct query q = {set_of(s), bag_of(s)};
	align_leven_set(p, s);
	uint32_t least = s.n ? search_lists(x, p, s, &best) : 0;
	if (best.distance >= least) {
		uint32_t others = search_rare(x, p, s, &q, &best);
		least = others > least ? others : least;
	}
	/* the lengths next to s.n first */
	for (size_t by = s.n == 0; by <= best.distance && best.distance >= least; by++) {
		if (s.n + by <= x->longest)
			search_bucket(x, p, &x->bucket[s.n + by], &q, least, &best);
		if (by > 0 && by < s.n && s.n - by <= x->longest)
			search_bucket(x, p, &x->bucket[s.n - by], &q, least, &best);
	}
	if (distance)
		*distance = best.distance;
	return best.index;
}
