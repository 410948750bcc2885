/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_AUTOMATON_H
#define FC_TOKEN_AUTOMATON_H

#include <stdbool.h>

#include "token/trie.h"

/*
 * The automaton of Aho and Corasick (1975): while a text is read byte by byte, the state is the
 * longest beginning of any string of the set that the text read so far ends in.  Building takes
 * time in proportion to the strings' bytes, reading in proportion to the text's.
 */
struct fc_automaton { /* {0} is empty */
	struct fc_trie trie;
	uint32_t *fail;     /* [n_node] the longest proper end of the node that is a node, too */
	uint32_t *longest;  /* [n_node] id of the longest string the node ends in, or FC_NO_TOKEN */
	uint32_t root[256]; /* the root's edges; 0: none */
};

void fc_automaton_release(struct fc_automaton *a);
/* p (n > 0 bytes); a string added twice has its last id. */
void fc_automaton_add(struct fc_automaton *a, const char *p, size_t n, uint32_t id);
/* Once, behind all strings and before any step. */
void fc_automaton_build(struct fc_automaton *a);

/* The state after one more byte; 0 is the state at the start. */
static inline uint32_t fc_automaton_step(
    const struct fc_automaton *a, uint32_t state, unsigned char byte)
{
	for (uint32_t next; state; state = a->fail[state])
		if ((next = fc_trie_next(&a->trie, state, byte)))
			return next;
	return a->root[byte];
}

#endif
