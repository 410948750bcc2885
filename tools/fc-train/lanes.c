/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/lanes.h"

#include <stdlib.h>

#include "base/mem.h"

struct making {
	struct train_sum *s;
	size_t n_micro, L, N;
};

static size_t first_micro(const struct making *m, size_t lane)
{
	return m->n_micro * lane / m->L;
}

size_t train_lane_of(size_t n_micro, size_t L, size_t micro)
{
	return ((micro + 1) * L - 1) / n_micro; /* the last whose first is not beyond it */
}

static size_t rank_of(const struct making *m, size_t lane)
{
	return lane / (m->L / m->N);
}

static void add_part(const struct making *m, size_t lane, size_t end)
{
	struct train_sum *s = m->s;
	FC_GROW(s->part, s->cap, s->n + 1);
	s->part[s->n++] = (struct train_sum_part){
	    lane, end, first_micro(m, lane), first_micro(m, end), rank_of(m, lane), 0};
}

/* Adds the parts of the lanes [lane, end), on a stack that has above parts on it. */
static void add_lanes(const struct making *m, size_t lane, size_t end, size_t above)
{
	struct train_sum *s = m->s;
	if (first_micro(m, lane) == first_micro(m, end))
		return;
	if (s->depth < above + 1)
		s->depth = above + 1;
	if (rank_of(m, lane) == rank_of(m, end - 1)) {
		add_part(m, lane, end);
		return;
	}
	const size_t middle = lane + (end - lane) / 2, n = s->n;
	add_lanes(m, lane, middle, above);
	const size_t n_left = s->n - n;
	add_lanes(m, middle, end, above + (n_left > 0));
	if (n_left && s->n > n + n_left)
		s->part[s->n - 1].n_add++;
}

void train_sum_make(
    struct train_sum *s, size_t n_micro, size_t L, size_t lane, size_t end, size_t N)
{
	const struct making m = {s, n_micro, L, N};
	s->n = s->depth = 0;
	add_lanes(&m, lane, end, 0);
}

void train_sum_release(struct train_sum *s)
{
	free(s->part);
	*s = (struct train_sum){0};
}
