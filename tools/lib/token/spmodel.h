/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_SPMODEL_H
#define FC_TOKEN_SPMODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "token/pieces.h"

/* Kinds of pieces, by the numbers of SentencePiece and of GGUF's token_type. */
enum fc_piece_kind {
	FC_PIECE_NORMAL = 1,
	FC_PIECE_UNKNOWN,
	FC_PIECE_CONTROL, /* never in text */
	FC_PIECE_USER,    /* always one token where it is in text */
	FC_PIECE_UNUSED,
	FC_PIECE_BYTE,
};

#define FC_SP_PIECE_MAX 512 /* bytes of a piece that is merged */

/* What a SentencePiece file (a ModelProto of protobuf) says, as far as encoding needs it. */
struct fc_spmodel {
	struct fc_pieces pieces;
	float *score;  /* [pieces.n_id] */
	uint8_t *kind; /* [pieces.n_id] enum fc_piece_kind */
	enum { FC_SP_UNIGRAM = 1, FC_SP_BPE } type;
	bool byte_fallback, space_is_suffix;
	bool dummy_prefix, remove_extra_spaces, escape_spaces;
	char *charsmap; /* NULL: none */
	size_t n_charsmap, cap;
	uint32_t unk, bos, eos, pad; /* or FC_NO_TOKEN */
};

/* Are all of "<0x00>" to "<0xFF>" there, as pieces of the kind BYTE? */
bool fc_spmodel_has_bytes(const struct fc_pieces *pieces, const uint8_t *kind);

/* Does p begin as a SentencePiece file does? */
bool fc_spmodel_is(const char *p, size_t n);
/* p: the file's bytes; name: for messages.  m is to be released in any case. */
int fc_spmodel_read(
    struct fc_spmodel *m, const char *p, size_t n, const char *name, struct fc_err *e);
void fc_spmodel_release(struct fc_spmodel *m);

#endif
