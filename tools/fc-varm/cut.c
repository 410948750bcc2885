/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cut_sample.h"
#include "tensor/simd.h"

#define BINS ((size_t)4096)

enum step { COUNT, GATHER, TALLY, DONE };

struct entry {
	uint64_t key, index;
};

/*
 * The search for one cut: it lies among the keys from low to high, of which `inside` are known
 * after the first count; above have a larger key.
 */
struct search {
	struct cut_wish *w;
	uint64_t low, high;
	size_t above, inside, n_zero;
	bool counted; /* w->take, above and inside are known */
	enum step step;
	int shift;           /* COUNT: a bin has 2^shift keys */
	size_t *bin;         /* COUNT: [BINS] */
	size_t found;        /* GATHER */
	struct entry *entry; /* GATHER: [inside] */
	size_t *tally;       /* TALLY: entries with the key, by unit */
};

struct searches {
	struct search *s;
	int n;
	bool base; /* the keys need the base's values */
};

/* Counts of a block against an interval: keys above it, keys of 0; and which are inside. */
struct split {
	uint64_t above, zero;
};

static FC_SIMD_BODY void split_keys_body(const uint64_t *restrict key, size_t n, uint64_t low,
    uint64_t high, uint8_t *restrict inside, struct split *s)
{
	uint64_t above = 0, zero = 0;
	for (size_t i = 0; i < n; i++) {
		above += key[i] > high;
		zero += key[i] == 0;
		inside[i] = key[i] - low <= high - low;
	}
	s->above += above;
	s->zero += zero;
}
FC_SIMD_KERNEL(static void, split_keys,
    (const uint64_t *key, size_t n, uint64_t low, uint64_t high, uint8_t *inside, struct split *s),
    (key, n, low, high, inside, s))

/* Calls for each entry of the block that is inside the interval. */
#define EACH_INSIDE(CALL)                                                                          \
	for (size_t at = 0; at < n; at += 8) {                                                     \
		uint64_t any;                                                                      \
		memcpy(&any, inside + at, 8);                                                      \
		for (size_t i = at; any && i < at + 8 && i < n; i++)                               \
			if (inside[i])                                                             \
				CALL;                                                              \
	}

/* What one thread counts in a unit. */
struct local {
	uint32_t *bin; /* a unit has fewer than 2^32 elements */
	struct split split;
	size_t tally;
};

static void gather(struct search *s, uint64_t key, uint64_t index)
{
	size_t at;
#pragma omp atomic capture
	at = s->found++;
	s->entry[at] = (struct entry){key, index};
}

static void visit_block(const struct unit *u, struct search *s, struct local *l)
{
	uint64_t key[BLOCK_ELEMENTS];
	uint8_t inside[BLOCK_ELEMENTS + 8] = {0};
	size_t n = u->n;
	s->w->keys(u, s->w, key);
	split_keys(key, n, s->low, s->high, inside, &l->split);
	switch (s->step) {
	case COUNT:
		EACH_INSIDE(l->bin[(key[i] - s->low) >> s->shift]++);
		break;
	case GATHER:
		EACH_INSIDE(gather(s, key[i], u->first + i));
		break;
	case TALLY:
		EACH_INSIDE(l->tally++);
		break;
	case DONE:
		break;
	}
}

static void add_local(const struct unit *u, struct search *s, const struct local *l)
{
	if (s->step == TALLY)
		s->tally[u->begin / u->v->unit] = l->tally;
	if (s->step != COUNT)
		return;
#pragma omp atomic
	s->above += l->split.above;
#pragma omp atomic
	s->n_zero += l->split.zero;
	for (size_t b = 0; b < BINS; b++) {
		if (l->bin[b]) {
#pragma omp atomic
			s->bin[b] += l->bin[b];
		}
	}
}

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	struct searches *all = ctx;
	struct local *l = FC_ARRAY(struct local, (size_t)all->n);
	(void)e;
	for (int i = 0; i < all->n; i++)
		if (all->s[i].step == COUNT)
			l[i].bin = FC_ARRAY(uint32_t, BINS);
	while (all->base ? unit_next(u) : unit_next_targets(u))
		for (int i = 0; i < all->n; i++)
			if (all->s[i].step != DONE)
				visit_block(u, &all->s[i], &l[i]);
	for (int i = 0; i < all->n; i++) {
		add_local(u, &all->s[i], &l[i]);
		free(l[i].bin);
	}
	free(l);
	return 0;
}

/* The interval to look at next. */
static void begin(struct search *s, size_t n_unit, size_t n_gather)
{
	if (s->counted && s->low == s->high) {
		s->step = TALLY;
		s->tally = FC_ARRAY(size_t, n_unit);
	} else if (s->counted && s->inside <= n_gather) {
		s->step = GATHER;
		s->entry = FC_ARRAY(struct entry, s->inside);
	} else {
		s->step = COUNT;
		s->above = s->n_zero = 0;
		s->bin = FC_ARRAY(size_t, BINS);
		for (s->shift = 0; (s->high - s->low) >> s->shift >= BINS;)
			s->shift++;
	}
}

static void finish(struct search *s, uint64_t key, uint64_t index)
{
	s->w->cut = (struct cut){key, index};
	s->step = DONE;
}

/* After a count: the bin with the cut is the next interval. */
static void choose_bin(struct search *s, const struct views *v)
{
	struct cut_wish *w = s->w;
	size_t of = w->of_nonzero ? v->n - s->n_zero : v->n, b = BINS;
	if (!s->counted) {
		w->take = w->part >= 1 ? of : (size_t)(w->part * (double)of);
		w->take = w->take < w->least ? w->least : w->take;
		w->take = w->take > v->n - s->n_zero ? v->n - s->n_zero : w->take;
	}
	size_t above = s->above;
	while (b && above + s->bin[b - 1] < w->take)
		above += s->bin[--b];
	if (!w->take) {
		finish(s, UINT64_MAX, 0);
	} else if (s->above >= w->take || !b) { /* the sample was wrong */
		s->low = 1;
		s->high = UINT64_MAX - 1;
	} else {
		uint64_t last = ((uint64_t)1 << s->shift) - 1;
		s->counted = true;
		s->inside = s->bin[b - 1];
		s->low += (uint64_t)(b - 1) << s->shift;
		s->high = s->high - s->low < last ? s->high : s->low + last;
		s->above = above;
		if (w->take - above == s->inside && !w->exact)
			finish(s, s->low, UINT64_MAX);
	}
	free(s->bin);
	s->bin = NULL;
}

static int by_rank(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static void sort_entries(struct search *s)
{
	const struct entry *last = &s->entry[s->w->take - s->above - 1];
	qsort(s->entry, s->found, sizeof *s->entry, by_rank);
	finish(s, last->key, last->index);
	free(s->entry);
	s->entry = NULL;
}

/* Many entries have the cut's key: the unit in which the last one to take lies is read again. */
static void find_last(struct search *s, const struct views *v)
{
	size_t need = s->w->take - s->above, unit = 0;
	uint64_t key[BLOCK_ELEMENTS], last = 0;
	struct unit u;
	while (s->tally[unit] < need)
		need -= s->tally[unit++];
	unit_init(&u, v, unit);
	while (need && unit_next(&u)) {
		s->w->keys(&u, s->w, key);
		for (size_t i = 0; i < u.n && need; i++) {
			if (key[i] == s->low) {
				last = u.first + i;
				need--;
			}
		}
	}
	unit_release(&u);
	free(s->tally);
	s->tally = NULL;
	finish(s, s->low, last);
}

static void end(struct search *s, const struct views *v)
{
	if (s->step == COUNT)
		choose_bin(s, v);
	else if (s->step == GATHER)
		sort_entries(s);
	else if (s->step == TALLY)
		find_last(s, v);
}

static bool all_done(const struct searches *all)
{
	for (int i = 0; i < all->n; i++)
		if (all->s[i].step != DONE)
			return false;
	return true;
}

int cut_find(
    struct cut_wish *w, int n_wish, const struct views *v, size_t n_gather, struct fc_err *e)
{
	struct searches all = {FC_ARRAY(struct search, (size_t)n_wish + 1), n_wish, false};
	size_t n_unit = v->n / v->unit + 1;
	int ret = 0;
	uint64_t *interval = FC_ARRAY(uint64_t, 2 * (size_t)n_wish + 1);
	cut_sample(w, n_wish, v, interval, interval + n_wish);
	for (int i = 0; i < n_wish; i++) {
		all.s[i] =
		    (struct search){.w = &w[i], .low = interval[i], .high = interval[n_wish + i]};
		all.base = all.base || w[i].keys != cut_variance;
	}
	free(interval);
	while (ret == 0 && !all_done(&all)) {
		for (int i = 0; i < n_wish; i++)
			if (all.s[i].step != DONE)
				begin(&all.s[i], n_unit, n_gather);
		ret = sweep(v, visit, &all, NULL, 0, e);
		for (int i = 0; i < n_wish; i++)
			end(&all.s[i], v);
	}
	free(all.s);
	return ret;
}
