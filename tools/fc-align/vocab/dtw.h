/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_DTW_H
#define FC_ALIGN_DTW_H

#include "fc-align/vocab/published.h"

/*
 * Dynamic time warping of two token sequences, to the number as published: with costs c,
 *     D[i][j] = c(i, j) + min(D[i-1][j], D[i][j-1], D[i-1][j-1]),
 * and the way back from the last cell goes to the least of the three, on equal values to the
 * diagonal first; then FuseChat 2 goes to (i, j-1), the others to (i-1, j).
 *
 * Costs are computed once for each pair of different tokens.  Of the matrix only every sqrt(n)th
 * row is kept, and the rows between two of them are made again on the way back, up to the column
 * where it stands: memory is m sqrt(n), and the time at most doubles.
 */
struct align_dtw;
/* Borrowed: source and pivot. */
struct align_dtw *align_dtw_new(enum align_published version, const struct align_wording *source,
    const struct align_wording *pivot);
void align_dtw_free(struct align_dtw *d);

struct align_dtw_span {
	uint32_t first, last; /* source positions that a pivot position is paired with */
};
/* s: [n] source ids, p: [m] pivot ids, neither empty; span: [m].  Returns the whole cost. */
double align_dtw_align(struct align_dtw *d, const uint32_t *s, size_t n, const uint32_t *p,
    size_t m, struct align_dtw_span *span);

#endif
