/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_TRIE_H
#define FC_TOKEN_TRIE_H

#include <stddef.h>
#include <stdint.h>

/* Strings as a tree of bytes, each with an id: for finding all of them that a text begins with.
 * The edges are one hash table.  {0} is empty. */
struct fc_trie {
	struct fc_trie_edge {
		uint32_t from, to; /* nodes; to 0: free */
		unsigned char byte;
	} * edge;           /* [1 << bits] */
	uint32_t *id;       /* [n_node] of the string that ends there, or FC_NO_TOKEN */
	size_t n_node, cap; /* node 0 is the root */
	unsigned bits;
};

void fc_trie_release(struct fc_trie *t);
/* p (n > 0 bytes); a string added twice has its last id. */
void fc_trie_add(struct fc_trie *t, const char *p, size_t n, uint32_t id);
/* The node that byte leads to; 0: none. */
uint32_t fc_trie_next(const struct fc_trie *t, uint32_t node, unsigned char byte);
/* The id of the longest string that p begins with and its length; FC_NO_TOKEN: none. */
uint32_t fc_trie_longest(const struct fc_trie *t, const char *p, size_t n, size_t *len);

#endif
