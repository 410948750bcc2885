/* SPDX-License-Identifier: Apache-2.0 */
#include "token/merges.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "token/tokenizer.h"

#define MERGES_MAX ((size_t)1 << 26)

/* The two sides of one item. */
static bool sides(const json_t *item, const char *side[2], size_t n[2])
{
	if (json_is_array(item) && json_array_size(item) == 2) {
		for (size_t k = 0; k < 2; k++) {
			side[k] = json_string_value(json_array_get(item, k));
			n[k] = json_string_length(json_array_get(item, k));
		}
		return side[0] && side[1];
	}
	const char *p = json_string_value(item), *space = p ? strchr(p, ' ') : NULL;
	size_t len = json_string_length(item);
	if (!space || strchr(space + 1, ' '))
		return false;
	side[0] = p;
	n[0] = (size_t)(space - p);
	side[1] = space + 1;
	n[1] = len - n[0] - 1;
	return true;
}

static void put(struct fc_merges *m, struct fc_merge merge)
{
	size_t mask = ((size_t)1 << m->bits) - 1, i = fc_merges_slot(m, merge.left, merge.right);
	while (m->v[i].left != FC_NO_TOKEN &&
	    (m->v[i].left != merge.left || m->v[i].right != merge.right))
		i = (i + 1) & mask;
	m->v[i] = merge;
}

static int add(struct fc_merges *m, const json_t *item, size_t rank, const struct fc_pieces *pieces,
    size_t skip, struct fc_buf *both, const char *where, struct fc_err *e)
{
	const char *side[2];
	size_t n[2];
	if (!sides(item, side, n))
		return fc_fail(
		    e, "%s: merges: item %zu: expected \"A B\" or [\"A\", \"B\"]", where, rank);
	struct fc_merge merge = {.rank = (uint32_t)rank};
	merge.left = fc_pieces_find(pieces, side[0], n[0]);
	merge.right = fc_pieces_find(pieces, side[1], n[1]);
	if (merge.left == FC_NO_TOKEN || merge.right == FC_NO_TOKEN || n[1] < skip)
		return fc_fail(e, "%s: merges: item %zu: \"%.64s\" is not in the vocabulary", where,
		    rank, merge.left == FC_NO_TOKEN ? side[0] : side[1]);
	fc_buf_clear(both);
	fc_buf_add(both, side[0], n[0]);
	fc_buf_add(both, side[1] + skip, n[1] - skip);
	merge.id = fc_pieces_find(pieces, both->p, both->n);
	if (merge.id == FC_NO_TOKEN)
		return fc_fail(e,
		    "%s: merges: item %zu: its result \"%.64s\" is not in the vocabulary", where,
		    rank, both->p);
	put(m, merge);
	return 0;
}

int fc_merges_json(struct fc_merges *m, const json_t *list, const struct fc_pieces *pieces,
    size_t skip, const char *where, struct fc_err *e)
{
	struct fc_buf both = FC_BUF_INIT;
	size_t n = json_array_size(list);
	int rc = 0;
	if (!json_is_array(list) || n > MERGES_MAX)
		return fc_fail(
		    e, "%s: merges: expected a list of at most %zu pairs", where, MERGES_MAX);
	for (m->bits = 4; (size_t)1 << m->bits < 2 * n; m->bits++)
		;
	m->v = fc_malloc(sizeof *m->v << m->bits);
	memset(m->v, 0xff, sizeof *m->v << m->bits);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add(m, json_array_get(list, i), i, pieces, skip, &both, where, e);
	fc_buf_release(&both);
	return rc;
}

void fc_merges_release(struct fc_merges *m)
{
	free(m->v);
	*m = (struct fc_merges){0};
}

uint64_t fc_merges_hash(const struct fc_merges *m)
{
	uint64_t sum = 0; /* of all items: independent of their place in the table */
	for (size_t i = 0; i >> m->bits == 0; i++)
		if (m->v[i].left != FC_NO_TOKEN)
			sum += fc_hash(&m->v[i], sizeof m->v[i], 1);
	return sum;
}
