/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_QUAD_H
#define FC_VARM_QUAD_H

#include <string.h>

#include "fc-varm/method/pass.h"
#include "tensor/simd.h"

/*
 * Four doubles as one vector, for loops over entries that keep sums over targets in registers.  Not
 * eight: gcc 12 compares those one by one.  A block's buffers hold BLOCK_ELEMENTS, a multiple of
 * QUAD: what lies behind a block's end may be computed with, and is stored nowhere but there.
 */
#define QUAD ((size_t)4)
typedef double quad_double __attribute__((vector_size(32)));
typedef int64_t quad_mask __attribute__((vector_size(32))); /* all bits, or none */

#define QUAD_LOAD(V, FROM) memcpy(&(V), FROM, sizeof(V))
#define QUAD_STORE(TO, V) memcpy(TO, &(V), sizeof(V))
/* Where mask: a, else b. */
#define QUAD_SELECT(MASK, A, B)                                                                    \
	((quad_double)(((MASK) & (quad_mask)(A)) | (~(MASK) & (quad_mask)(B))))

#endif
