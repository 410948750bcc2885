/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_PIECES_H
#define FC_TOKEN_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Ceilings on what a tokenizer's files may name. */
#define FC_ID_CEILING ((uint32_t)1 << 24)
#define FC_PIECE_MAX ((size_t)1 << 16) /* bytes */

/* A vocabulary: pieces with ids, both ways.  All strings lie in one arena.  {0} is empty. */
struct fc_pieces {
	struct fc_buf arena; /* NUL after every piece */
	struct fc_piece {
		uint32_t at, n; /* at: offset in the arena + 1; 0: no piece has this id */
	} * piece;              /* [n_id] */
	size_t n_id, cap_id;    /* n_id: highest id + 1 */
	struct fc_piece_slot {
		uint32_t hash, id_1; /* id + 1; 0: free */
	} * slot;                    /* [n_slot], a power of two */
	size_t n_slot, n_used;
};

void fc_pieces_release(struct fc_pieces *v);
/* Makes room for n pieces in all. */
void fc_pieces_reserve(struct fc_pieces *v, size_t n);
/* where: starts the message when id or piece are out of bounds or taken. */
int fc_pieces_add(
    struct fc_pieces *v, const char *p, size_t n, int64_t id, const char *where, struct fc_err *e);
uint32_t fc_pieces_find(const struct fc_pieces *v, const char *p, size_t n); /* or FC_NO_TOKEN */
/* NULL for an id without a piece.  Borrowed, NUL-terminated. */
const char *fc_pieces_get(const struct fc_pieces *v, uint32_t id, size_t *n);

#endif
