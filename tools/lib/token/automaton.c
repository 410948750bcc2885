/* SPDX-License-Identifier: Apache-2.0 */
#include "token/automaton.h"

#include <stdlib.h>

#include "base/mem.h"
#include "token/tokenizer.h"

void fc_automaton_release(struct fc_automaton *a)
{
	fc_trie_release(&a->trie);
	free(a->fail);
	free(a->longest);
	*a = (struct fc_automaton){0};
}

void fc_automaton_add(struct fc_automaton *a, const char *p, size_t n, uint32_t id)
{
	fc_trie_add(&a->trie, p, n, id);
}

/* The edge that leads to a node. */
struct edge {
	uint32_t from;
	unsigned char byte;
};

static struct edge *edges_by_node(const struct fc_trie *t)
{
	struct edge *in = FC_ARRAY(struct edge, t->n_node);
	for (size_t i = 0; i >> t->bits == 0; i++)
		if (t->edge[i].to)
			in[t->edge[i].to] = (struct edge){t->edge[i].from, t->edge[i].byte};
	return in;
}

/* All nodes but the root, the shallow ones first.  A node's parent has a lower number. */
static uint32_t *nodes_by_depth(const struct edge *in, size_t n)
{
	uint32_t *depth = FC_ARRAY(uint32_t, n), *order = FC_ARRAY(uint32_t, n), deepest = 0;
	for (size_t i = 1; i < n; i++) {
		depth[i] = depth[in[i].from] + 1;
		deepest = depth[i] > deepest ? depth[i] : deepest;
	}
	uint32_t *place = FC_ARRAY(uint32_t, (size_t)deepest + 2);
	for (size_t i = 1; i < n; i++)
		place[depth[i] + 1]++;
	for (uint32_t d = 1; d <= deepest; d++)
		place[d + 1] += place[d];
	for (size_t i = 1; i < n; i++)
		order[place[depth[i]]++] = (uint32_t)i;
	free(place);
	free(depth);
	return order;
}

void fc_automaton_build(struct fc_automaton *a)
{
	const struct fc_trie *t = &a->trie;
	size_t n = t->n_node;
	if (!n)
		return;
	for (unsigned c = 0; c < FC_LEN(a->root); c++)
		a->root[c] = fc_trie_next(t, 0, (unsigned char)c);
	a->fail = FC_ARRAY(uint32_t, n);
	a->longest = FC_ARRAY(uint32_t, n);
	a->longest[0] = FC_NO_TOKEN;
	struct edge *in = edges_by_node(t);
	uint32_t *order = nodes_by_depth(in, n);
	for (size_t i = 0; i + 1 < n; i++) {
		uint32_t node = order[i];
		if (in[node].from)
			a->fail[node] = fc_automaton_step(a, a->fail[in[node].from], in[node].byte);
		a->longest[node] =
		    t->id[node] != FC_NO_TOKEN ? t->id[node] : a->longest[a->fail[node]];
	}
	free(order);
	free(in);
}
