/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/threshold.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fc-varm/method/threshold_sample.h"
#include "fc-varm/method/threshold_search.h"

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
		    (s->w->keys->rough && (s->low > 1 || s->high < UINT64_MAX - 1));
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
		s->bin = FC_ARRAY(size_t, THRESHOLD_BINS);
		for (s->shift = 0; (s->high - s->low) >> s->shift >= THRESHOLD_BINS;)
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
	size_t b = THRESHOLD_BINS, above = s->above;
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
		ret = varm_pass(
		    v, varm_threshold_visit, &all, sums ? w->sum : NULL, sums ? v->n_target : 0, e);
#pragma omp parallel for schedule(dynamic) if (v->n > UNIT_ELEMENTS)
		for (int i = 0; i < n_wish; i++)
			end_step(&all.s[i], v, n_unit, room);
	}
	free(all.s);
	return ret;
}
