/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_SHARES_H
#define FC_TRAIN_SHARES_H

#include "model/params.h"

/*
 * All parameters as a row of blocks of at most TRAIN_BLOCK elements, none of which reaches into the
 * next parameter.  Sums over blocks are added in their order, and a rank owns the blocks from
 * n r / N to n (r + 1) / N: so nothing has to divide by the number of ranks.
 */
enum { TRAIN_BLOCK = FC_SUM_BLOCK };
struct train_block {
	size_t param, begin, n;
};
struct train_shares { /* {0} is empty */
	struct train_block *block;
	size_t *first; /* [n_param + 1] first block of each */
	size_t n_block, n_rank;
};
void train_shares_make(
    struct train_shares *s, const struct fc_param *p, size_t n_param, size_t n_rank);
void train_shares_release(struct train_shares *s);
size_t train_shares_begin(const struct train_shares *s, size_t rank);

/* What of a parameter is a rank's: elements [begin, begin + n). */
struct train_own {
	size_t begin, n;
};
struct train_own train_shares_own(const struct train_shares *s, size_t rank, size_t param);
size_t train_shares_owner(const struct train_shares *s, size_t block);

/* A piece of one parameter, of one owner's: whole blocks, at most TRAIN_PIECE elements. */
enum { TRAIN_PIECE = 64 * TRAIN_BLOCK };
struct train_piece {
	size_t param, begin, n;
	size_t block_end; /* the block after it */
};
/* The piece of a rank's share that begins with a block of it. */
struct train_piece train_shares_piece(const struct train_shares *s, size_t rank, size_t block);

#endif
