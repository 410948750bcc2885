/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_NAMESET_H
#define FC_STREAM_NAMESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Names seen so far, to find one that comes twice.  Kept are two 64-bit hashes of each, 16 to 32
 * bytes a name however long: two names in ten million are taken for one with a chance of 2^-80.
 */
struct fc_nameset {          /* {0} is empty */
	uint64_t (*slot)[2]; /* [cap], a power of two; [1] is 0: free */
	size_t n, cap;
};
/* False: it is there already. */
bool fc_nameset_add(struct fc_nameset *s, const void *name, size_t n);
void fc_nameset_release(struct fc_nameset *s);

#endif
