/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a step's sum: the same for every number of ranks, and what lanes.h says. */
#include "fc-train/lanes.h"

#include "t.h"

/* The sum as a text, by the definition: "(0+1)" of micro-batches, in lanes of a tree. */
static void write_lanes(char *out, size_t n, size_t L, size_t lane, size_t end)
{
	char left[4096] = "", right[4096] = "";
	if (end - lane == 1) {
		*out = 0;
		for (size_t i = n * lane / L; i < n * end / L; i++)
			sprintf(out + strlen(out), "%s%zu", *out ? "," : "", i);
		return;
	}
	const size_t middle = lane + (end - lane) / 2;
	write_lanes(left, n, L, lane, middle);
	write_lanes(right, n, L, middle, end);
	if (*left && *right)
		sprintf(out, "(%s+%s)", left, right);
	else
		strcpy(out, *left ? left : right);
}

static void run_sum(char *out, const struct train_sum *s, size_t n, size_t L, size_t N)
{
	static char stack[16][4096];
	size_t depth = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct train_sum_part *p = &s->part[i];
		if (N == L) {
			write_lanes(stack[depth], n, L, p->lane, p->lane_end);
		} else { /* a rank adds its lanes by themselves */
			struct train_sum own = {0};
			train_sum_make(&own, n, L, p->lane, p->lane_end, L);
			char text[4096];
			static char inner[16][4096];
			size_t d = 0;
			for (size_t k = 0; k < own.n; k++) {
				write_lanes(
				    inner[d++], n, L, own.part[k].lane, own.part[k].lane_end);
				for (size_t a = 0; a < own.part[k].n_add; a++, d--) {
					snprintf(text, sizeof text, "(%.2000s+%.2000s)",
					    inner[d - 2], inner[d - 1]);
					strcpy(inner[d - 2], text);
				}
			}
			strcpy(stack[depth], inner[0]);
			train_sum_release(&own);
		}
		depth++;
		for (size_t a = 0; a < p->n_add; a++, depth--) {
			char text[4096];
			snprintf(text, sizeof text, "(%.2000s+%.2000s)", stack[depth - 2],
			    stack[depth - 1]);
			strcpy(stack[depth - 2], text);
		}
	}
	strcpy(out, depth ? stack[0] : "");
}

/* Every micro-batch is one rank's, and a rank has lanes of its own only. */
static bool are_shared_out(const struct train_sum *s, size_t n, size_t L, size_t N)
{
	size_t next = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct train_sum_part *p = &s->part[i];
		if (p->first != next || p->end <= p->first || p->rank >= N ||
		    p->lane / (L / N) != p->rank || (p->lane_end - 1) / (L / N) != p->rank)
			return false;
		next = p->end;
	}
	return next == n;
}

/* Every micro-batch is of the lane that has it. */
static bool lanes_are_found(size_t n, size_t L)
{
	for (size_t l = 0; l < L; l++)
		for (size_t i = n * l / L; i < n * (l + 1) / L; i++)
			if (train_lane_of(n, L, i) != l)
				return false;
	return true;
}

int main(void)
{
	static const size_t lanes[] = {1, 2, 3, 4, 5, 6, 8, 12, 16};
	for (size_t l = 0; l < sizeof lanes / sizeof *lanes; l++) {
		const size_t L = lanes[l];
		bool same = true, shared = true, deep = true, found = true;
		for (size_t n = 0; n <= 40; n++) {
			char want[4096], got[4096];
			write_lanes(want, n, L, 0, L);
			found = found && lanes_are_found(n, L);
			for (size_t N = 1; N <= L; N++) {
				struct train_sum s = {0};
				if (L % N)
					continue;
				train_sum_make(&s, n, L, 0, L, N);
				run_sum(got, &s, n, L, N);
				same = same && !strcmp(got, want);
				shared = shared && are_shared_out(&s, n, L, N);
				deep = deep && s.depth <= 1 + (size_t)ceil(log2((double)L));
				train_sum_release(&s);
			}
		}
		T_OK(same, "%zu lanes: one sum for any number of ranks", L);
		T_OK(shared, "%zu lanes: every micro-batch is in one part of the rank of its lanes",
		    L);
		T_OK(found, "%zu lanes: a micro-batch's lane", L);
		T_OK(deep, "%zu lanes: few parts wait", L);
	}
	return t_done();
}
