/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_LANES_H
#define FC_TRAIN_LANES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * In which order the gradients of a step's micro-batches are added, whoever computes them.  The
 * micro-batches are dealt to L lanes, in order and as evenly as can be: lane l has those from
 * n l / L to n (l + 1) / L.  A lane's sum runs over its micro-batches in order; the lanes are added
 * by a binary tree whose root halves [0, L), and a lane without micro-batches is left out.  So the
 * result depends on L and not on the number of ranks, of which each does L / N lanes; and one lane
 * is the plain sum.
 *
 * A sum is a list of parts that are added as a stack machine does: each part is put on the stack,
 * and then the two on top are added n_add times.
 */
struct train_sum_part {
	size_t lane, lane_end; /* which lanes' sum it is */
	size_t first, end;     /* their micro-batches, at least one */
	size_t rank;           /* who does them */
	size_t n_add;
};
/* The lane that has a micro-batch. */
size_t train_lane_of(size_t n_micro, size_t L, size_t micro);
struct train_sum { /* {0} is empty */
	struct train_sum_part *part;
	size_t n, cap;
	size_t depth; /* most parts on the stack */
};
/* The sum of the lanes [lane, end) of L; parts are the largest sets of lanes that the tree adds up
 * by themselves and one of N ranks does; N divides L. */
void train_sum_make(
    struct train_sum *s, size_t n_micro, size_t L, size_t lane, size_t end, size_t N);
void train_sum_release(struct train_sum *s);

#endif
