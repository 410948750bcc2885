/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_MODELTEXT_H
#define FC_TOKEN_MODELTEXT_H

#include "base/buf.h"
#include "text/json.h"
#include "text/jsonscan.h"
#include "token/pieces.h"

/* The two lists that make up nearly all of a tokenizer.json, as JSON text: they are read without
 * building a tree of a million nodes.  n is 0 for a missing one. */
struct fc_modeltext {
	const char *vocab, *merges; /* borrowed from the file's text */
	size_t n_vocab, n_merges;
};

/* The rest of the file as JSON, with model.vocab and model.merges null.  NULL with a message if it
 * is no JSON.  name: starts the message. */
json_t *fc_modeltext_parse(
    struct fc_modeltext *m, const char *p, size_t n, const char *name, struct fc_err *e);

/* Reads a vocabulary that is an object, {"PIECE": ID, ...}. */
int fc_modeltext_vocab(
    const struct fc_modeltext *text, struct fc_pieces *pieces, const char *where, struct fc_err *e);

#endif
