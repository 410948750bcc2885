/* SPDX-License-Identifier: Apache-2.0 */
#include "token/merges.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "token/tokenizer.h"

#define MERGES_MAX ((size_t)1 << 26)

struct side {
	const char *p;
	size_t n;
};

struct reader {
	struct fc_jsonscan s;
	struct fc_buf b[2], both;
	const struct fc_pieces *pieces;
	size_t skip;
	struct fc_merge *v; /* in order of rank */
	size_t n, cap;
};

static bool sides(struct reader *r, struct side side[2])
{
	if (fc_jsonscan_char(&r->s, '['))
		return fc_jsonscan_string(&r->s, &r->b[0], &side[0].p, &side[0].n) &&
		    fc_jsonscan_char(&r->s, ',') &&
		    fc_jsonscan_string(&r->s, &r->b[1], &side[1].p, &side[1].n) &&
		    fc_jsonscan_char(&r->s, ']');
	const char *p;
	size_t n;
	if (!fc_jsonscan_string(&r->s, &r->b[0], &p, &n))
		return false;
	const char *space = n ? memchr(p, ' ', n) : NULL;
	if (!space || memchr(space + 1, ' ', n - (size_t)(space + 1 - p)))
		return false;
	side[0] = (struct side){p, (size_t)(space - p)};
	side[1] = (struct side){space + 1, n - side[0].n - 1};
	return true;
}

static int missing(
    const struct side *side, size_t rank, const char *what, const char *where, struct fc_err *e)
{
	return fc_fail(e, "%s: merges: item %zu: %s\"%.*s\" is not in the vocabulary", where, rank,
	    what, side->n < 64 ? (int)side->n : 64, side->p);
}

static int read_item(struct reader *r, const char *where, struct fc_err *e)
{
	struct side side[2];
	if (r->n == MERGES_MAX)
		return fc_fail(e, "%s: merges: more than %zu", where, MERGES_MAX);
	if (!sides(r, side))
		return fc_fail(
		    e, "%s: merges: item %zu: expected \"A B\" or [\"A\", \"B\"]", where, r->n);
	struct fc_merge m = {.rank = (uint32_t)r->n};
	m.left = fc_pieces_find(r->pieces, side[0].p, side[0].n);
	m.right = fc_pieces_find(r->pieces, side[1].p, side[1].n);
	if (m.left == FC_NO_TOKEN)
		return missing(&side[0], r->n, "", where, e);
	if (m.right == FC_NO_TOKEN || side[1].n < r->skip)
		return missing(&side[1], r->n, "", where, e);
	fc_buf_clear(&r->both);
	fc_buf_add(&r->both, side[0].p, side[0].n);
	fc_buf_add(&r->both, side[1].p + r->skip, side[1].n - r->skip);
	m.id = fc_pieces_find(r->pieces, r->both.p, r->both.n);
	if (m.id == FC_NO_TOKEN)
		return missing(&(struct side){r->both.p, r->both.n}, r->n, "its result ", where, e);
	FC_GROW(r->v, r->cap, r->n + 1);
	r->v[r->n++] = m;
	return 0;
}

static int read_list(struct reader *r, const char *where, struct fc_err *e)
{
	if (!fc_jsonscan_char(&r->s, '['))
		return fc_fail(e, "%s: merges: expected a list", where);
	if (fc_jsonscan_char(&r->s, ']'))
		return 0;
	do
		if (read_item(r, where, e) < 0)
			return -1;
	while (fc_jsonscan_char(&r->s, ','));
	if (!fc_jsonscan_char(&r->s, ']'))
		return fc_fail(e, "%s: merges: byte %zu: expected a list", where, r->s.i);
	return 0;
}

static void put(struct fc_merges *m, struct fc_merge merge)
{
	size_t mask = ((size_t)1 << m->bits) - 1, i = fc_merges_slot(m, merge.left, merge.right);
	while (m->v[i].left != FC_NO_TOKEN &&
	    (m->v[i].left != merge.left || m->v[i].right != merge.right))
		i = (i + 1) & mask;
	m->v[i] = merge;
}

int fc_merges_read(struct fc_merges *m, const struct fc_modeltext *text,
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e)
{
	struct reader r = {.s = {text->merges, text->n_merges, 0}, .pieces = pieces, .skip = skip};
	int rc =
	    text->n_merges ? read_list(&r, where, e) : fc_fail(e, "%s: merges is missing", where);
	for (m->bits = 4; (size_t)1 << m->bits < 2 * r.n; m->bits++)
		;
	m->v = fc_malloc(sizeof *m->v << m->bits);
	memset(m->v, 0xff, sizeof *m->v << m->bits);
	for (size_t i = 0; i < r.n; i++)
		put(m, r.v[i]);
	free(r.v);
	fc_buf_release(&r.b[0]);
	fc_buf_release(&r.b[1]);
	fc_buf_release(&r.both);
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
