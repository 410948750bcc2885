/* SPDX-License-Identifier: Apache-2.0 */
#include "token/pieces.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "token/tokenizer.h"

#define SHOWN 64 /* bytes of a piece in messages */

void fc_pieces_release(struct fc_pieces *v)
{
	fc_buf_release(&v->arena);
	free(v->piece);
	free(v->slot);
	*v = (struct fc_pieces){0};
}

/* The slot of the piece, or the free one where it belongs. */
static size_t slot_of(const struct fc_pieces *v, const char *p, size_t n, uint32_t hash)
{
	size_t mask = v->n_slot - 1, i = hash & mask;
	for (; v->slot[i].id_1; i = (i + 1) & mask) {
		if (v->slot[i].hash != hash)
			continue;
		const struct fc_piece *q = &v->piece[v->slot[i].id_1 - 1];
		if (q->n == n && !memcmp(v->arena.p + q->at - 1, p, n))
			break;
	}
	return i;
}

static uint32_t hash_of(const char *p, size_t n)
{
	return (uint32_t)fc_hash(p, n, 0);
}

void fc_pieces_reserve(struct fc_pieces *v, size_t n)
{
	size_t want = 16;
	while (want < 2 * n)
		want *= 2;
	if (want <= v->n_slot)
		return;
	struct fc_piece_slot *old = v->slot;
	size_t n_old = v->n_slot, mask = want - 1;
	v->slot = FC_ARRAY(struct fc_piece_slot, want);
	v->n_slot = want;
	for (size_t j = 0; j < n_old; j++) {
		size_t i = old[j].hash & mask;
		if (!old[j].id_1)
			continue;
		while (v->slot[i].id_1)
			i = (i + 1) & mask;
		v->slot[i] = old[j];
	}
	free(old);
}

int fc_pieces_add(
    struct fc_pieces *v, const char *p, size_t n, int64_t id, const char *where, struct fc_err *e)
{
	int shown = n < SHOWN ? (int)n : SHOWN; /* of p, behind which no NUL need come */
	if (id < 0 || id >= FC_ID_CEILING)
		return fc_fail(e, "%s: id %" PRId64 " of \"%.*s\" is not in 0..%u", where, id,
		    shown, p, FC_ID_CEILING - 1);
	if (!n || n > FC_PIECE_MAX)
		return fc_fail(e, "%s: id %" PRId64 ": a piece of %zu bytes; 1 to %zu are allowed",
		    where, id, n, FC_PIECE_MAX);
	if ((size_t)id < v->n_id && v->piece[id].at)
		return fc_fail(e, "%s: id %" PRId64 " is given to \"%.*s\" and to \"%.*s\"", where,
		    id, SHOWN, v->arena.p + v->piece[id].at - 1, shown, p);
	if (v->arena.n + n + 1 >= UINT32_MAX)
		return fc_fail(e, "%s: more than 4 GiB of pieces", where);
	fc_pieces_reserve(v, v->n_used + 1);
	uint32_t hash = hash_of(p, n);
	size_t slot = slot_of(v, p, n, hash);
	if (v->slot[slot].id_1)
		return fc_fail(e, "%s: \"%.*s\" has two ids, %" PRIu32 " and %" PRId64, where,
		    shown, p, v->slot[slot].id_1 - 1, id);
	if ((size_t)id >= v->n_id) {
		size_t old = v->cap_id;
		FC_GROW(v->piece, v->cap_id, (size_t)id + 1);
		memset(v->piece + old, 0, (v->cap_id - old) * sizeof *v->piece);
		v->n_id = (size_t)id + 1;
	}
	v->piece[id] = (struct fc_piece){(uint32_t)v->arena.n + 1, (uint32_t)n};
	v->slot[slot] = (struct fc_piece_slot){hash, (uint32_t)id + 1};
	v->n_used++;
	fc_buf_add(&v->arena, p, n);
	fc_buf_addc(&v->arena, 0);
	return 0;
}

uint32_t fc_pieces_find(const struct fc_pieces *v, const char *p, size_t n)
{
	if (!v->n_slot)
		return FC_NO_TOKEN;
	uint32_t id_1 = v->slot[slot_of(v, p, n, hash_of(p, n))].id_1;
	return id_1 ? id_1 - 1 : FC_NO_TOKEN;
}

const char *fc_pieces_get(const struct fc_pieces *v, uint32_t id, size_t *n)
{
	if (id >= v->n_id || !v->piece[id].at)
		return NULL;
	*n = v->piece[id].n;
	return v->arena.p + v->piece[id].at - 1;
}
