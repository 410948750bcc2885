/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_TOKMODEL_H
#define FC_TOKEN_TOKMODEL_H

#include <stdbool.h>

#include "base/err.h"
#include "token/pieces.h"

/* What turns a pre-token into ids: byte-pair encoding, Unigram or WordPiece. */
struct fc_symbol {
	uint32_t id, start, end; /* bytes of the piece */
};

/* Scratch, with a cache of the pieces seen last.  One thread at a time; for one model. */
struct fc_tokwork {
	struct fc_symbol *symbol; /* the result */
	size_t n, cap;
	struct fc_tokcached *cache;
	void *own; /* the model's, see work_new */
};

struct fc_tokmodel;
struct fc_tokmodel_class {
	void (*free)(struct fc_tokmodel *m);
	void *(*work_new)(void);
	void (*work_free)(void *own);
	/* Appends the symbols of p (n > 0 bytes) to w, their places counted from base. */
	void (*encode)(const struct fc_tokmodel *m, struct fc_tokwork *w, const char *p, size_t n,
	    uint32_t base, bool raw_bytes);
	/* Where the part of p that starts at i and may be encoded alone ends.  NULL: at n. */
	size_t (*part_end)(const struct fc_tokmodel *m, const char *p, size_t n, size_t i);
};

/* The first member of every model. */
struct fc_tokmodel {
	const struct fc_tokmodel_class *class;
	const struct fc_pieces *pieces; /* borrowed: must live as long as the model */
	bool *forbidden;                /* [pieces->n_id] see fc_tokmodel_forbid() */
	uint32_t unk;                   /* or FC_NO_TOKEN */
	bool takes_bytes; /* symbols may be given as bytes that stand for the byte-level alphabet */
	uint64_t hash;    /* of everything but the vocabulary */
};

/* For the constructors: fills in the fields above. */
void fc_tokmodel_init(
    struct fc_tokmodel *m, const struct fc_tokmodel_class *class, const struct fc_pieces *pieces);
void fc_tokmodel_free(struct fc_tokmodel *m);
/* id will be found as a whole piece no more: text is never a control token. */
void fc_tokmodel_forbid(struct fc_tokmodel *m, uint32_t id);
/* "model.unk_token" by name; *id FC_NO_TOKEN where name is NULL or empty. */
int fc_tokmodel_unk(const struct fc_pieces *pieces, const char *name, uint32_t *id,
    const char *where, struct fc_err *e);

struct fc_tokwork *fc_tokwork_new(const struct fc_tokmodel *m);
void fc_tokwork_free(struct fc_tokwork *w, const struct fc_tokmodel *m);

/* Encodes one piece.  raw_bytes: see takes_bytes.  Returns the number of symbols; *out is borrowed
 * until the next call. */
size_t fc_tokmodel_encode(const struct fc_tokmodel *m, struct fc_tokwork *w, const char *p,
    size_t n, bool raw_bytes, const struct fc_symbol **out);
/* Appends a symbol to w, its place counted from base. */
void fc_tokwork_add(struct fc_tokwork *w, uint32_t base, uint32_t id, size_t start, size_t end);

#endif
