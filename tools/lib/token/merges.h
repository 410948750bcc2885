/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_MERGES_H
#define FC_TOKEN_MERGES_H

#include "token/modeltext.h"
#include "token/pieces.h"

/* The merge list of byte-pair encoding as a hash table from pair to rank and result. */
struct fc_merge {
	uint32_t left, right; /* left FC_NO_TOKEN: free */
	uint32_t rank, id;
};
struct fc_merges {
	struct fc_merge *v; /* [1 << bits] */
	unsigned bits;
};

/* Merges in the order they are read.  {0} is empty. */
struct fc_mergelist {
	struct fc_merge *v;
	size_t n, cap;
};
void fc_mergelist_release(struct fc_mergelist *l);
/* Appends a merge with what it makes. */
void fc_mergelist_put(
    struct fc_mergelist *l, uint32_t left, uint32_t right, uint32_t rank, uint32_t id);
/* Appends "A B", of the next rank.  skip: bytes at the start of a right side that its result does
 * not have. */
int fc_mergelist_add(struct fc_mergelist *l, const char *p, size_t n,
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e);

/* Builds the table; a pair listed twice has its last rank.  Uses up l. */
void fc_merges_build(struct fc_merges *m, struct fc_mergelist *l);
/* The list in a tokenizer.json: strings "a b" or pairs ["a", "b"], in order of rank. */
int fc_merges_read(struct fc_merges *m, const struct fc_modeltext *text,
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e);
void fc_merges_release(struct fc_merges *m);
uint64_t fc_merges_hash(const struct fc_merges *m);

static inline size_t fc_merges_slot(const struct fc_merges *m, uint32_t left, uint32_t right)
{
	/* Fibonacci hashing */
	return ((uint64_t)left << 32 | right) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - m->bits);
}

/* NULL if the two are never merged. */
static inline const struct fc_merge *fc_merges_find(
    const struct fc_merges *m, uint32_t left, uint32_t right)
{
	size_t mask = ((size_t)1 << m->bits) - 1;
	for (size_t i = fc_merges_slot(m, left, right);; i = (i + 1) & mask) {
		const struct fc_merge *v = &m->v[i];
		if (v->left == left && v->right == right)
			return v;
		if (v->left == UINT32_MAX)
			return NULL;
	}
}

#endif
