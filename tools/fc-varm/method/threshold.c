/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/threshold.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-varm/method/marked.h"
#include "fc-varm/method/threshold_sample.h"
#include "fc-varm/method/threshold_select.h"
#include "tensor/simd.h"

#define BINS ((size_t)4096)

_Static_assert(BLOCK_ELEMENTS <= MARKED_MOST, "a block's marks are listed at once");

enum step { COUNT, GATHER, TALLY, DONE };

/*
 * The search for one threshold: it lies among the keys from low to high, of which there are
 * `inside`; above have a larger key.  Before anything was counted, low and high are a guess.
 */
struct search {
	struct threshold_query *w;
	uint64_t low, high;
	size_t above, inside, n_zero;
	uint64_t heavy; /* GATHER: a key that is counted instead; 0: none */
	bool counted;   /* w->take, above and inside are known, not guessed */
	enum step step;
	size_t room; /* entries that may be held */
	int shift;   /* COUNT: a bin has 2^shift keys */
	size_t *bin; /* COUNT: [BINS] */
	/* GATHER: found entries were seen, of which the first ones that there is room for are held
	 */
	size_t found;
	struct threshold_entry *entry; /* [room] */
	size_t *tally;  /* by unit: entries with the key, of TALLY or the heavy one; or NULL */
	double *number; /* GATHER: [room][n_target] the entries' numbers, where sums are wanted */
	struct stretch *stretch; /* GATHER, with numbers: [n_unit] */
};

/* A unit's part of the entries held. */
struct stretch {
	size_t from, n;
};

struct searches {
	struct search *s;
	int n;
	bool base;   /* the keys need the base's values */
	bool floats; /* float holds all values */
	bool rough;  /* the pass at hand looks closely at entries between rough bounds alone */
};

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

static double value_of(uint64_t key)
{
	double x;
	memcpy(&x, &key, 8);
	return x;
}

/* A block in float. */
struct floats {
	float base[BLOCK_ELEMENTS], x[BLOCK_ELEMENTS];
};

/* Keys above 0 are above 0 in float, too. */
static float rough_bound(uint64_t key)
{
	float bound = (float)value_of(key);
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
	for (size_t b = 0; b < BINS && s->step == COUNT; b++) {
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
		read_floats(u->v->base, u, f.base);
		for (int i = 0; i < all->n; i++) {
			if (all->s[i].step == DONE)
				continue;
			read_floats(&u->v->target[all->s[i].w->target], u, f.x);
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

static int visit(struct unit *u, void *ctx, struct fc_err *e)
{
	struct searches *all = ctx;
	struct local *l = FC_ARRAY(struct local, (size_t)all->n);
	(void)e;
	for (int i = 0; i < all->n; i++)
		if (all->s[i].step == COUNT)
			l[i].bin = FC_ARRAY(uint32_t, BINS);
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

static bool are_floats(const struct views *v)
{
	bool all = v->base && varm_values_are_floats(v->base);
	for (int k = 0; k < v->n_target; k++)
		all = all && varm_values_are_floats(&v->target[k]);
	return all;
}

/* Bounds leave something out as a rule when a sample or a count gave them. */
static bool is_roughly_sought(const struct searches *all)
{
	bool rough = all->floats;
	for (int i = 0; i < all->n && rough; i++) {
		const struct search *s = &all->s[i];
		rough = s->step == DONE ||
		    (s->w->keys->rough && (s->low > 1 || s->high < UINT64_MAX - 1) &&
			value_of(s->high) < FLT_MAX);
	}
	return rough;
}

/* How to look at the interval next. */
static void begin_step(struct search *s, const struct views *v, size_t n_unit)
{
	if (!s->counted)
		s->above = s->n_zero = 0;
	if (s->counted && s->low == s->high) {
		s->step = TALLY;
		s->tally = FC_ARRAY(size_t, n_unit);
	} else if (s->inside <= s->room) {
		s->step = GATHER;
		s->found = 0;
		s->tally = s->heavy ? FC_ARRAY(size_t, n_unit) : NULL;
		s->entry = fc_malloc((s->room + 1) * sizeof *s->entry);
		if (s->w->sums && !s->heavy) {
			s->number = fc_malloc((s->room * (size_t)v->n_target + 1) * sizeof(double));
			s->stretch = FC_ARRAY(struct stretch, n_unit);
		}
	} else {
		s->step = COUNT;
		s->above = s->n_zero = 0;
		s->bin = FC_ARRAY(size_t, BINS);
		for (s->shift = 0; (s->high - s->low) >> s->shift >= BINS;)
			s->shift++;
	}
}

static void finish_search(struct search *s, uint64_t key, uint64_t index)
{
	s->w->threshold = (struct threshold){key, index};
	s->step = DONE;
}

/* After the first pass. */
static void decide_take(struct search *s, const struct views *v)
{
	struct threshold_query *w = s->w;
	size_t n_nonzero = v->n - s->n_zero, of = w->of_nonzero ? n_nonzero : v->n;
	w->take = w->part >= 1 ? of : (size_t)(w->part * (double)of);
	w->take = w->take < w->least ? w->least : w->take;
	w->take = w->take > n_nonzero ? n_nonzero : w->take;
}

/* The guess was wrong: the threshold may be anywhere. */
static void widen(struct search *s, const struct views *v)
{
	s->low = 1;
	s->high = UINT64_MAX - 1;
	s->heavy = 0;
	s->inside = v->n;
	s->room = v->n <= s->room ? s->room : 0; /* there was too much: count first */
}

/* After a count: the bin with the threshold is the next interval. */
static void choose_bin(struct search *s, const struct views *v, size_t room)
{
	struct threshold_query *w = s->w;
	size_t b = BINS, above = s->above;
	if (!s->counted)
		decide_take(s, v);
	while (b && above + s->bin[b - 1] < w->take)
		above += s->bin[--b];
	if (!w->take) {
		finish_search(s, UINT64_MAX, 0);
	} else if (s->above >= w->take || !b) {
		widen(s, v);
	} else {
		uint64_t last = ((uint64_t)1 << s->shift) - 1;
		s->counted = true;
		s->inside = s->bin[b - 1];
		s->room = room;
		s->low += (uint64_t)(b - 1) << s->shift;
		s->high = s->high - s->low < last ? s->high : s->low + last;
		s->above = above;
		if (w->take - above == s->inside && !w->exact)
			finish_search(s, s->low, UINT64_MAX);
	}
	free(s->bin);
	s->bin = NULL;
}

/* Many entries have a key: the unit in which the last one to take lies, of `need` in the tensor's
 * order, is read again. */
static void find_last(struct search *s, const struct views *v, uint64_t with, size_t need)
{
	size_t unit = 0;
	uint64_t key[BLOCK_ELEMENTS], last = 0;
	struct unit u;
	while (s->tally[unit] < need)
		need -= s->tally[unit++];
	varm_unit_init(&u, v, unit);
	while (need && varm_unit_next(&u)) {
		s->w->keys->exact(&u, s->w, key);
		for (size_t i = 0; i < u.n && need; i++) {
			if (key[i] == with) {
				last = u.first + i;
				need--;
			}
		}
	}
	varm_unit_release(&u);
	finish_search(s, with, last);
}

static size_t count_heavy(const struct search *s, size_t n_unit)
{
	size_t n = 0;
	for (size_t i = 0; i < n_unit && s->tally; i++)
		n += s->tally[i];
	return n;
}

/* The entry with k others before it, of those gathered and those with the heavy key. */
static void choose_among(struct search *s, const struct views *v, size_t k, size_t n_heavy)
{
	size_t n_before = 0, n = 0;
	for (size_t i = 0; i < s->found; i++)
		n_before += s->entry[i].key > s->heavy;
	if (n_heavy && k >= n_before && k < n_before + n_heavy) {
		find_last(s, v, s->heavy, k - n_before + 1);
		return;
	}
	bool before = !n_heavy || k < n_before;
	for (size_t i = 0; i < s->found; i++)
		if ((s->entry[i].key > s->heavy) == before)
			s->entry[n++] = s->entry[i];
	k -= before ? 0 : n_before + n_heavy;
	struct threshold_entry last = varm_threshold_select(s->entry, n, k, s->low, s->high);
	finish_search(s, last.key, last.index);
}

/* Adds the numbers of the held entries that pass to the sums, in the tensor's order. */
static void add_passing(
    struct search *s, const struct views *v, size_t n_unit, const struct threshold_entry *entry)
{
	struct threshold_query *w = s->w;
	size_t n_target = (size_t)v->n_target;
	for (size_t i = 0; i < n_unit; i++) {
		struct stretch at = s->stretch[i];
		for (size_t j = at.from; j < at.from + at.n; j++)
			for (size_t k = 0; k < n_target &&
			     threshold_passes(&w->threshold, entry[j].key, entry[j].index);
			     k++)
				w->sum[k] += s->number[j * n_target + k];
	}
	w->summed = true;
}

/* The entries held as they are: choosing one moves them. */
static struct threshold_entry *copy_entries(const struct search *s)
{
	size_t n = s->found < s->room ? s->found : s->room;
	struct threshold_entry *copy = fc_malloc((n + 1) * sizeof *copy);
	memcpy(copy, s->entry, n * sizeof *copy);
	return copy;
}

/* After gathering: the threshold is one of the entries, or the guess was wrong. */
static void choose_entry(struct search *s, const struct views *v, size_t n_unit)
{
	struct threshold_query *w = s->w;
	size_t n_heavy = count_heavy(s, n_unit);
	struct threshold_entry *in_order = s->number ? copy_entries(s) : NULL;
	if (!s->counted)
		decide_take(s, v);
	if (!w->take)
		finish_search(s, UINT64_MAX, 0);
	else if (s->above == w->take && !w->exact) /* all that is above, and nothing else */
		finish_search(s, s->high + 1, UINT64_MAX);
	else if (s->found > s->room || s->above >= w->take ||
	    s->above + s->found + n_heavy < w->take)
		widen(s, v);
	else
		choose_among(s, v, w->take - s->above - 1, n_heavy);
	if (in_order && s->step == DONE && w->take)
		add_passing(s, v, n_unit, in_order);
	free(in_order);
	free(s->entry);
	s->entry = NULL;
}

static void end_step(struct search *s, const struct views *v, size_t n_unit, size_t room)
{
	if (s->step == COUNT)
		choose_bin(s, v, room);
	else if (s->step == GATHER)
		choose_entry(s, v, n_unit);
	else if (s->step == TALLY)
		find_last(s, v, s->low, s->w->take - s->above);
	free(s->tally);
	free(s->number);
	free(s->stretch);
	s->tally = NULL;
	s->number = NULL;
	s->stretch = NULL;
}

static bool all_done(const struct searches *all)
{
	for (int i = 0; i < all->n; i++)
		if (all->s[i].step != DONE)
			return false;
	return true;
}

static void start_searches(
    struct searches *all, struct threshold_query *w, const struct views *v, size_t room)
{
	struct threshold_guess *guess = FC_ARRAY(struct threshold_guess, (size_t)all->n + 1);
	varm_threshold_sample(w, all->n, v, guess);
	for (int i = 0; i < all->n; i++) {
		all->s[i] = (struct search){.w = &w[i],
		    .low = guess[i].low,
		    .high = guess[i].high,
		    .inside = guess[i].inside,
		    .heavy = guess[i].heavy,
		    .room = room};
		all->base = all->base || w[i].keys->base || w[i].sums;
	}
	free(guess);
	all->floats = are_floats(v);
}

/* Entries that a search may hold; with sums, each twice and with its numbers. */
static size_t room_for(
    const struct threshold_query *w, int n_wish, const struct views *v, size_t n_gather)
{
	size_t each = sizeof(struct threshold_entry);
	if (!n_wish || !w->sums)
		return n_gather / (n_wish ? (size_t)n_wish : 1);
	return n_gather * each / (2 * each + (size_t)v->n_target * sizeof(double));
}

int varm_threshold_find(
    struct threshold_query *w, int n_wish, const struct views *v, size_t n_gather, struct fc_err *e)
{
	struct searches all = {
	    FC_ARRAY(struct search, (size_t)n_wish + 1), n_wish, false, false, false};
	size_t n_unit = v->n / v->unit + 1, room = room_for(w, n_wish, v, n_gather);
	int ret = 0;
	start_searches(&all, w, v, room);
	while (ret == 0 && !all_done(&all)) {
		for (int i = 0; i < n_wish; i++)
			if (all.s[i].step != DONE)
				begin_step(&all.s[i], v, n_unit);
		bool sums = all.s[0].number != NULL;
		all.rough = is_roughly_sought(&all);
		ret = varm_pass(v, visit, &all, sums ? w->sum : NULL, sums ? v->n_target : 0, e);
#pragma omp parallel for schedule(dynamic) if (v->n > UNIT_ELEMENTS)
		for (int i = 0; i < n_wish; i++)
			end_step(&all.s[i], v, n_unit, room);
	}
	free(all.s);
	return ret;
}
