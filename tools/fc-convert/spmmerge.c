/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-convert/spmmerge.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "token/spmodel.h"

/* Pieces by their bytes: open addressing, ids + 1. */
struct table {
	char *const *text;
	uint32_t *slot;
	size_t mask;
};

struct merge {
	uint32_t left, right;     /* ids */
	uint32_t n_left, n_right; /* characters */
	float score;
};

static void table_make(struct table *t, char *const *text, const uint8_t *kind, size_t n)
{
	size_t size = 16;
	while (size < 2 * n)
		size *= 2;
	*t = (struct table){text, FC_ARRAY(uint32_t, size), size - 1};
	for (size_t i = 0; i < n; i++) {
		if (kind[i] != FC_PIECE_NORMAL && kind[i] != FC_PIECE_USER)
			continue;
		size_t at = fc_hash(text[i], strlen(text[i]), 0) & t->mask;
		while (t->slot[at])
			at = (at + 1) & t->mask;
		t->slot[at] = (uint32_t)i + 1;
	}
}

/* id + 1, or 0 */
static uint32_t find_piece(const struct table *t, const char *p, size_t n)
{
	for (size_t at = fc_hash(p, n, 0) & t->mask; t->slot[at]; at = (at + 1) & t->mask) {
		const char *s = t->text[t->slot[at] - 1];
		if (!strncmp(s, p, n) && !s[n])
			return t->slot[at];
	}
	return 0;
}

static uint32_t count_characters(const char *p, size_t n)
{
	uint32_t k = 0;
	for (size_t i = 0; i < n; i++)
		k += ((unsigned char)p[i] & 0xc0) != 0x80;
	return k;
}

static int better_first(const void *a, const void *b)
{
	const struct merge *x = a, *y = b;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->n_left != y->n_left)
		return x->n_left > y->n_left ? -1 : 1;
	if (x->n_right != y->n_right)
		return x->n_right > y->n_right ? -1 : 1;
	if (x->left != y->left)
		return x->left < y->left ? -1 : 1;
	return x->right < y->right ? -1 : x->right > y->right;
}

void convert_spmmerge_list(
    char *const *text, const uint8_t *kind, const float *score, size_t n, json_t *list)
{
	struct table t;
	struct merge *v = NULL;
	size_t n_merge = 0, cap = 0;
	table_make(&t, text, kind, n);
	for (size_t id = 0; id < n; id++) {
		const size_t n_bytes = strlen(text[id]);
		for (size_t k = 1; kind[id] == FC_PIECE_NORMAL && k < n_bytes; k++) {
			if (((unsigned char)text[id][k] & 0xc0) == 0x80)
				continue;
			const uint32_t l = find_piece(&t, text[id], k);
			const uint32_t r = l ? find_piece(&t, text[id] + k, n_bytes - k) : 0;
			if (!r)
				continue;
			FC_GROW(v, cap, n_merge + 1);
			v[n_merge++] = (struct merge){l - 1, r - 1, count_characters(text[id], k),
			    count_characters(text[id] + k, n_bytes - k), score[id]};
		}
	}
	if (n_merge)
		qsort(v, n_merge, sizeof *v, better_first);
	for (size_t i = 0; i < n_merge; i++)
		json_array_append_new(list, json_pack("[s, s]", text[v[i].left], text[v[i].right]));
	free(v);
	free(t.slot);
}
