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

void fc_mergelist_release(struct fc_mergelist *l)
{
	free(l->v);
	*l = (struct fc_mergelist){0};
}

void fc_mergelist_put(
    struct fc_mergelist *l, uint32_t left, uint32_t right, uint32_t rank, uint32_t id)
{
	FC_GROW(l->v, l->cap, l->n + 1);
	l->v[l->n++] = (struct fc_merge){left, right, rank, id};
}

static int missing(
    const struct side *side, size_t rank, const char *what, const char *where, struct fc_err *e)
{
	return fc_fail(e, "%s: merges: item %zu: %s\"%.*s\" is not in the vocabulary", where, rank,
	    what, side->n < 64 ? (int)side->n : 64, side->p);
}

static int malformed(const struct fc_mergelist *l, const char *where, struct fc_err *e)
{
	return fc_fail(e, "%s: merges: item %zu: expected \"A B\" or [\"A\", \"B\"]", where, l->n);
}

/* The piece that a merge makes: mostly the one behind that of the merge before, which is found
 * without a hash. */
static uint32_t result_of(
    const struct fc_mergelist *l, const struct fc_pieces *pieces, const char *p, size_t n)
{
	size_t n_next;
	uint32_t next = l->n ? l->v[l->n - 1].id + 1 : 0;
	const char *piece = fc_pieces_get(pieces, next, &n_next);
	return piece && n_next == n && !memcmp(piece, p, n) ? next : fc_pieces_find(pieces, p, n);
}

static int add_sides(struct fc_mergelist *l, const struct side side[2],
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e)
{
	if (l->n == MERGES_MAX)
		return fc_fail(e, "%s: merges: more than %zu", where, MERGES_MAX);
	uint32_t left = fc_pieces_find(pieces, side[0].p, side[0].n);
	uint32_t right = fc_pieces_find(pieces, side[1].p, side[1].n);
	if (left == FC_NO_TOKEN)
		return missing(&side[0], l->n, "", where, e);
	if (right == FC_NO_TOKEN || side[1].n < skip)
		return missing(&side[1], l->n, "", where, e);
	char on_stack[256], *both = on_stack;
	size_t n = side[0].n + side[1].n - skip;
	if (n > sizeof on_stack)
		both = fc_malloc(n);
	memcpy(both, side[0].p, side[0].n);
	memcpy(both + side[0].n, side[1].p + skip, side[1].n - skip);
	uint32_t id = result_of(l, pieces, both, n);
	int rc = 0;
	if (id == FC_NO_TOKEN)
		rc = missing(&(struct side){both, n}, l->n, "its result ", where, e);
	else
		fc_mergelist_put(l, left, right, (uint32_t)l->n, id);
	if (both != on_stack)
		free(both);
	return rc;
}

int fc_mergelist_add(struct fc_mergelist *l, const char *p, size_t n,
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e)
{
	const char *space = n ? memchr(p, ' ', n) : NULL;
	if (!space || memchr(space + 1, ' ', n - (size_t)(space + 1 - p)))
		return malformed(l, where, e);
	size_t n_left = (size_t)(space - p);
	return add_sides(
	    l, (struct side[2]){{p, n_left}, {space + 1, n - n_left - 1}}, pieces, skip, where, e);
}

struct reader {
	struct fc_jsonscan s;
	struct fc_buf b[2];
	const struct fc_pieces *pieces;
	size_t skip;
	struct fc_mergelist list;
};

static int read_item(struct reader *r, const char *where, struct fc_err *e)
{
	struct side side[2];
	if (fc_jsonscan_char(&r->s, '[')) {
		if (!fc_jsonscan_string(&r->s, &r->b[0], &side[0].p, &side[0].n) ||
		    !fc_jsonscan_char(&r->s, ',') ||
		    !fc_jsonscan_string(&r->s, &r->b[1], &side[1].p, &side[1].n) ||
		    !fc_jsonscan_char(&r->s, ']'))
			return malformed(&r->list, where, e);
		return add_sides(&r->list, side, r->pieces, r->skip, where, e);
	}
	if (!fc_jsonscan_string(&r->s, &r->b[0], &side[0].p, &side[0].n))
		return malformed(&r->list, where, e);
	return fc_mergelist_add(&r->list, side[0].p, side[0].n, r->pieces, r->skip, where, e);
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

static void put_merge(struct fc_merges *m, struct fc_merge merge)
{
	size_t mask = ((size_t)1 << m->bits) - 1, i = fc_merges_slot(m, merge.left, merge.right);
	while (m->v[i].left != FC_NO_TOKEN &&
	    (m->v[i].left != merge.left || m->v[i].right != merge.right))
		i = (i + 1) & mask;
	m->v[i] = merge;
}

void fc_merges_build(struct fc_merges *m, struct fc_mergelist *l)
{
	for (m->bits = 4; (size_t)1 << m->bits < 2 * l->n; m->bits++)
		;
	m->v = fc_malloc(sizeof *m->v << m->bits);
	memset(m->v, 0xff, sizeof *m->v << m->bits);
	for (size_t i = 0; i < l->n; i++)
		put_merge(m, l->v[i]);
	fc_mergelist_release(l);
}

int fc_merges_read(struct fc_merges *m, const struct fc_modeltext *text,
    const struct fc_pieces *pieces, size_t skip, const char *where, struct fc_err *e)
{
	struct reader r = {.s = {text->merges, text->n_merges, 0}, .pieces = pieces, .skip = skip};
	int rc =
	    text->n_merges ? read_list(&r, where, e) : fc_fail(e, "%s: merges is missing", where);
	fc_merges_build(m, &r.list);
	fc_buf_release(&r.b[0]);
	fc_buf_release(&r.b[1]);
	return rc;
}

void fc_merges_release(struct fc_merges *m)
{
	free(m->v);
	*m = (struct fc_merges){0};
}

/*
 * The number of every rank [n] that a merge has.  Merges that follow each other and make one piece
 * have one number: in a list each has a rank of its own, by scores they share one.
 */
static uint32_t *number_ranks(const struct fc_merges *m, size_t n)
{
	uint32_t *id = FC_ARRAY(uint32_t, n + 1), *number = FC_ARRAY(uint32_t, n + 1);
	uint32_t last = FC_NO_TOKEN, next = 0;
	for (size_t r = 0; r < n; r++)
		id[r] = FC_NO_TOKEN;
	for (size_t i = 0; i >> m->bits == 0; i++)
		if (m->v[i].left != FC_NO_TOKEN)
			id[m->v[i].rank] = m->v[i].id;
	for (size_t r = 0; r < n; r++) {
		if (id[r] == FC_NO_TOKEN)
			continue;
		next += last != FC_NO_TOKEN && id[r] != last;
		number[r] = next;
		last = id[r];
	}
	free(id);
	return number;
}

uint64_t fc_merges_hash(const struct fc_merges *m)
{
	uint64_t sum = 0; /* of all items: independent of their place in the table */
	size_t n_rank = 0;
	for (size_t i = 0; i >> m->bits == 0; i++)
		if (m->v[i].left != FC_NO_TOKEN && m->v[i].rank >= n_rank)
			n_rank = (size_t)m->v[i].rank + 1;
	uint32_t *number = number_ranks(m, n_rank);
	for (size_t i = 0; i >> m->bits == 0; i++) {
		struct fc_merge v = m->v[i];
		if (v.left == FC_NO_TOKEN)
			continue;
		v.rank = number[v.rank];
		sum += fc_hash(&v, sizeof v, 1);
	}
	free(number);
	return sum;
}
