/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_DOUBLED_H
#define FC_INFER_DOUBLED_H

#include <stddef.h>
#include <stdint.h>

/*
 * Ids that several lines have.  Judges take the last answer of an id, and --resume takes a line for
 * answered when another one of its id is.  Kept are hashes, 8 to 16 bytes a line; that two ids of
 * ten million share one has a probability of about 3e-6.
 */
struct doubled {
	uint64_t *slot; /* [n_slot], a power of two; 0: free */
	size_t n, n_slot;
	uint64_t n_doubled; /* lines whose id an earlier one has */
	char *first;        /* the first such id */
};
void infer_doubled_add(struct doubled *d, const char *id);
void infer_doubled_tell(const struct doubled *d); /* a warning, if there are any */
void infer_doubled_release(struct doubled *d);

#endif
