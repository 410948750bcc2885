/* SPDX-License-Identifier: Apache-2.0 */
#include "token/trie.h"

#include <stdlib.h>

#include "base/mem.h"
#include "token/tokenizer.h"

#define BITS_MIN 10

void fc_trie_release(struct fc_trie *t)
{
	free(t->edge);
	free(t->id);
	*t = (struct fc_trie){0};
}

/* The edge, or the free place where it belongs. */
static size_t slot_of(const struct fc_trie *t, uint32_t from, unsigned char byte)
{
	size_t mask = ((size_t)1 << t->bits) - 1;
	uint64_t key = (uint64_t)from << 8 | byte;
	size_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - t->bits); /* Fibonacci hashing */
	while (t->edge[i].to && (t->edge[i].from != from || t->edge[i].byte != byte))
		i = (i + 1) & mask;
	return i;
}

static void grow_trie(struct fc_trie *t)
{
	struct fc_trie_edge *old = t->edge;
	size_t n_old = old ? (size_t)1 << t->bits : 0;
	t->bits = old ? t->bits + 1 : BITS_MIN;
	t->edge = FC_ARRAY(struct fc_trie_edge, (size_t)1 << t->bits);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].to)
			t->edge[slot_of(t, old[i].from, old[i].byte)] = old[i];
	free(old);
}

static uint32_t node_new(struct fc_trie *t)
{
	FC_GROW(t->id, t->cap, t->n_node + 1);
	t->id[t->n_node] = FC_NO_TOKEN;
	return (uint32_t)t->n_node++;
}

void fc_trie_add(struct fc_trie *t, const char *p, size_t n, uint32_t id)
{
	uint32_t node = 0;
	if (!t->n_node)
		node_new(t);
	for (size_t i = 0; i < n; i++) {
		if (2 * t->n_node >= (size_t)1 << t->bits || !t->edge)
			grow_trie(t);
		size_t k = slot_of(t, node, (unsigned char)p[i]);
		if (!t->edge[k].to)
			t->edge[k] = (struct fc_trie_edge){node, node_new(t), (unsigned char)p[i]};
		node = t->edge[k].to;
	}
	t->id[node] = id;
}

uint32_t fc_trie_next(const struct fc_trie *t, uint32_t node, unsigned char byte)
{
	return t->edge ? t->edge[slot_of(t, node, byte)].to : 0;
}

uint32_t fc_trie_longest(const struct fc_trie *t, const char *p, size_t n, size_t *len)
{
	uint32_t node = 0, best = FC_NO_TOKEN;
	for (size_t i = 0; i < n && (node = fc_trie_next(t, node, (unsigned char)p[i])); i++) {
		if (t->id[node] != FC_NO_TOKEN) {
			best = t->id[node];
			*len = i + 1;
		}
	}
	return best;
}
