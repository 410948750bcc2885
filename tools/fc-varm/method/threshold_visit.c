/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/threshold_search.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/marked.h"
#include "tensor/simd.h"

_Static_assert(BLOCK_ELEMENTS <= MARKED_MOST, "a block's marks are listed at once");

/* Counts keys against an interval, and says which are inside. */
static FC_SIMD_BODY void split_keys_body(const uint64_t *restrict key, size_t n, uint64_t low,
    uint64_t high, uint8_t *restrict inside, struct threshold_split *s)
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
    (const uint64_t *key, size_t n, uint64_t low, uint64_t high, uint8_t *inside,
	struct threshold_split *s),
    (key, n, low, high, inside, s))

/* Entries of a unit that may be inside, brought together until they are a block. */
struct held {
	float x[BLOCK_ELEMENTS], base[BLOCK_ELEMENTS];
	uint32_t at[BLOCK_ELEMENTS]; /* in the unit, which has fewer than 2^32 elements */
	size_t n;
};

/* What one thread finds in a unit. */
struct local {
	uint32_t *bin; /* a unit has fewer than 2^32 elements */
	struct threshold_split split;
	size_t tally;
	struct threshold_entry *entry;
	size_t n_entry, cap;
	double *number; /* [n_entry][n_target] */
	size_t number_cap;
	struct held *held; /* of a rough search */
};

/* Keys of entries first + at[i], or first + i where that is NULL. */
static void visit_keys(struct search *s, struct local *l, const uint64_t *key, size_t n,
    uint64_t first, const uint32_t *at)
{
	uint8_t inside[BLOCK_ELEMENTS + MARKED_ROOM];
	uint16_t in[MARKED_PLACES];
	size_t n_in;
	split_keys(key, n, s->low, s->high, inside, &l->split);
	memset(inside + n, 0, MARKED_ROOM);
	n_in = varm_marked_list(inside, n, in);
	switch (s->step) {
	case COUNT:
		for (size_t i = 0; i < n_in; i++)
			l->bin[(key[in[i]] - s->low) >> s->shift]++;
		break;
	case GATHER:
		FC_GROW(l->entry, l->cap, l->n_entry + n_in);
		for (size_t i = 0; i < n_in; i++) {
			uint64_t k = key[in[i]];
			l->entry[l->n_entry] =
			    (struct threshold_entry){k, first + (at ? at[in[i]] : in[i])};
			l->n_entry += k != s->heavy;
			l->tally += k == s->heavy;
		}
		break;
	case TALLY:
		l->tally += n_in;
		break;
	case DONE:
		break;
	}
}

static FC_SIMD_BODY void take_above_body(
    const uint64_t *restrict key, size_t n, uint64_t high, double *restrict taken)
{
	for (size_t i = 0; i < n; i++)
		taken[i] = key[i] > high ? 1 : 0;
}
FC_SIMD_KERNEL(static void, take_above,
    (const uint64_t *key, size_t n, uint64_t high, double *taken), (key, n, high, taken))

/* Adds up the numbers of entries above, and notes those of the gathered ones, "from" and on. */
static void visit_numbers(
    const struct unit *u, const struct search *s, struct local *l, const uint64_t *key, size_t from)
{
	const struct threshold_sums *sums = s->w->sums;
	size_t n_target = (size_t)u->v->n_target;
	double taken[BLOCK_ELEMENTS];
	take_above(key, u->n, s->high, taken);
	sums->add(u, taken, u->lanes);
	FC_GROW(l->number, l->number_cap, l->n_entry * n_target);
	for (size_t j = from; j < l->n_entry; j++)
		sums->get(u, l->entry[j].index - u->first, l->number + j * n_target);
}

static void visit_block(const struct unit *u, struct search *s, struct local *l)
{
	uint64_t key[BLOCK_ELEMENTS];
	size_t from = l->n_entry;
	s->w->keys->exact(u, s->w, key);
	visit_keys(s, l, key, u->n, u->first, NULL);
	if (s->number)
		visit_numbers(u, s, l, key, from);
}

/* A block in float. */
struct floats {
	float base[BLOCK_ELEMENTS], x[BLOCK_ELEMENTS];
};

/* Keys above 0 are above 0 in float, too; above those that are no numbers is nothing. */
static float rough_bound(uint64_t key)
{
	double value = threshold_value(key);
	float bound = isnan(value) ? INFINITY : (float)value;
	return bound > 0 ? bound : FLT_TRUE_MIN;
}

/* Looks closely at what was held back. */
static void visit_held(const struct unit *u, struct search *s, struct local *l)
{
	struct held *held = l->held;
	uint64_t key[BLOCK_ELEMENTS], zero = l->split.zero; /* they are counted already */
	struct unit some = *u;
	some.n = held->n;
	for (size_t j = 0; j < held->n; j++) {
		u->x[s->w->target][j] = (double)held->x[j];
		u->base[j] = (double)held->base[j];
	}
	s->w->keys->exact(&some, s->w, key);
	visit_keys(s, l, key, held->n, u->begin, held->at);
	l->split.zero = zero;
	held->n = 0;
}

/* Holds back the entries of the block that may be inside: of most blocks they are few. */
static void visit_floats(
    const struct unit *u, const struct floats *f, struct search *s, struct local *l)
{
	uint8_t inside[BLOCK_ELEMENTS + MARKED_ROOM];
	uint16_t where[MARKED_PLACES];
	struct held *held = l->held;
	uint32_t first = (uint32_t)(u->first - u->begin);
	s->w->keys->rough(
	    f->x, f->base, u->n, rough_bound(s->low), rough_bound(s->high), inside, &l->split);
	memset(inside + u->n, 0, MARKED_ROOM);
	size_t n = varm_marked_list(inside, u->n, where);
	for (size_t j = 0; j < n; j++) {
		held->x[held->n] = f->x[where[j]];
		held->base[held->n] = f->base[where[j]];
		held->at[held->n++] = first + where[j];
		if (held->n == BLOCK_ELEMENTS)
			visit_held(u, s, l);
	}
}

static void read_floats(const struct values *v, const struct unit *u, float *out)
{
	fc_to_f32(out, varm_values_bytes(v, u->first), v->t.dtype, u->n);
}

static void add_entries(const struct unit *u, struct search *s, const struct local *l)
{
	size_t at, n_target = (size_t)u->v->n_target;
#pragma omp atomic capture
	{
		at = s->found;
		s->found += l->n_entry;
	}
	if (at >= s->room || !l->n_entry)
		return;
	size_t n = l->n_entry < s->room - at ? l->n_entry : s->room - at;
	memcpy(s->entry + at, l->entry, n * sizeof *l->entry);
	if (s->number) {
		memcpy(s->number + at * n_target, l->number, n * n_target * sizeof *l->number);
		s->stretch[u->begin / u->v->unit] = (struct stretch){at, n};
	}
}

static void add_local(const struct unit *u, struct search *s, const struct local *l)
{
	if (s->tally)
		s->tally[u->begin / u->v->unit] = l->tally;
	if (s->step == GATHER)
		add_entries(u, s, l);
	if (!s->counted || s->step == COUNT) {
#pragma omp atomic
		s->above += l->split.above;
#pragma omp atomic
		s->n_zero += l->split.zero;
	}
	for (size_t b = 0; b < THRESHOLD_BINS && s->step == COUNT; b++) {
		if (l->bin[b]) {
#pragma omp atomic
			s->bin[b] += l->bin[b];
		}
	}
}

static void visit_rough(struct unit *u, const struct searches *all, struct local *l)
{
	struct floats f;
	for (int i = 0; i < all->n; i++)
		l[i].held = FC_ARRAY(struct held, 1);
	while (varm_unit_next_nothing(u)) {
		int target = -1; /* whose values f.x has */
		read_floats(u->v->base, u, f.base);
		for (int i = 0; i < all->n; i++) {
			if (all->s[i].step == DONE)
				continue;
			if (target != all->s[i].w->target) {
				target = all->s[i].w->target;
				read_floats(&u->v->target[target], u, f.x);
			}
			visit_floats(u, &f, &all->s[i], &l[i]);
		}
	}
	for (int i = 0; i < all->n; i++) {
		if (all->s[i].step != DONE)
			visit_held(u, &all->s[i], &l[i]);
		free(l[i].held);
	}
}

static void visit_closely(struct unit *u, const struct searches *all, struct local *l)
{
	while (all->base ? varm_unit_next(u) : varm_unit_next_targets(u))
		for (int i = 0; i < all->n; i++)
			if (all->s[i].step != DONE)
				visit_block(u, &all->s[i], &l[i]);
}

int varm_threshold_visit(struct unit *u, void *ctx, struct fc_err *e)
{
	struct searches *all = ctx;
	struct local *l = FC_ARRAY(struct local, (size_t)all->n);
	(void)e;
	for (int i = 0; i < all->n; i++)
		if (all->s[i].step == COUNT)
			l[i].bin = FC_ARRAY(uint32_t, THRESHOLD_BINS);
	if (all->rough)
		visit_rough(u, all, l);
	else
		visit_closely(u, all, l);
	for (int i = 0; i < all->n; i++) {
		if (all->s[i].step != DONE)
			add_local(u, &all->s[i], &l[i]);
		free(l[i].bin);
		free(l[i].entry);
		free(l[i].number);
	}
	free(l);
	return 0;
}
