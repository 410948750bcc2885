/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_QUAD_H
#define FC_VARM_QUAD_H

#include <string.h>

#include "fc-varm/method/pass.h"
#include "tensor/simd.h"

/*
 * Four doubles as one vector, for loops over entries that keep sums over targets in registers.  Not
 * eight: gcc 12 compares those one by one.  Loops take two quads at a time, EACH_QUAD of them.  A
 * block's inputs have room for BLOCK_ELEMENTS, a multiple of that: what lies behind its end may be
 * computed with, and is not stored.
 */
#define QUAD ((size_t)4)
#define QUADS 2
typedef double quad_double __attribute__((vector_size(32)));
typedef int64_t quad_mask __attribute__((vector_size(32))); /* all bits, or none */

#define EACH_QUAD(Q) for (size_t Q = 0; Q < QUADS; Q++)
#define QUAD_ZERO ((quad_double){0})
/* A number in all four places. */
#define QUAD_OF(X) ((X)-QUAD_ZERO)
#define QUAD_LOAD(V, FROM) memcpy(&(V), FROM, sizeof(V))
/* All bits where bit 4 Q + j of eight is set, for number j: looked up, since not all processors
 * compare 64 bits. */
extern const int64_t varm_quad_bits[16][QUAD];
#define QUAD_OF_BITS(MASK, EIGHT, Q) QUAD_LOAD(MASK, varm_quad_bits[(EIGHT) >> 4 * (Q)&15])
#define QUAD_MAGNITUDE(V) ((quad_double)((quad_mask)(V)&INT64_MAX))
/* out[i], ... of out[n] = v */
#define QUAD_STORE(OUT, N, I, V)                                                                   \
	do {                                                                                       \
		if ((I) + QUAD <= (N))                                                             \
			memcpy((OUT) + (I), &(V), sizeof(V));                                      \
		else if ((I) < (N))                                                                \
			memcpy((OUT) + (I), &(V), ((N) - (I)) * 8);                                \
	} while (0)
/* Where mask: a, else +0, or b. */
#define QUAD_WHERE(MASK, A) ((quad_double)((MASK) & (quad_mask)(A)))
#define QUAD_SELECT(MASK, A, B)                                                                    \
	((quad_double)(((MASK) & (quad_mask)(A)) | (~(MASK) & (quad_mask)(B))))

/* out[i], ... of out[n] = base + lambda * change; an entry nobody moved keeps the base's bits */
#define QUAD_STORE_CHANGED(OUT, N, I, BASE, LAMBDA, CHANGE)                                        \
	do {                                                                                       \
		quad_double from_;                                                                 \
		QUAD_LOAD(from_, (BASE) + (I));                                                    \
		from_ = QUAD_SELECT((CHANGE) == 0, from_, from_ + (LAMBDA) * (CHANGE));            \
		QUAD_STORE(OUT, N, I, from_);                                                      \
	} while (0)

/* The sign bit where a sum is not at least 0; where a change is not 0 and has that sign. */
#define QUAD_MINUS(SUM) (~((SUM) >= 0) & INT64_MIN)
#define QUAD_ALONG(CHANGE, MINUS) ((quad_double)((quad_mask)(CHANGE) ^ (MINUS)) > 0)

#endif
