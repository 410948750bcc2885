/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_VOCABULARY_H
#define FC_VARM_VOCABULARY_H

#include "fc-varm/source/source_model.h"
#include "text/json.h"

/*
 * The tokens of the result and which row of each model's embedding stands for each of them.
 *
 * A token that a model lacks gets the row of the base if that has it, of the one model that has it,
 * or the mean of those that do; the recipe's `tokens` may name another source, for all models with
 * `force`.  Rows beyond the tokens (padding) are the mean of the others.
 */
struct vocabulary {
	const struct recipe *recipe;
	size_t n_model;
	json_t **of;   /* [n_model] token -> id; NULL where a model has no tokenizer.json */
	json_t *token; /* token -> id in the result; borrowed from the tokenizer's own, or new */
	json_t *tokenizer; /* the result's tokenizer.json */
	json_t *added;     /* what union and `tokens` add to it, as tokenizer.json lists it */
	size_t source;     /* the model whose tokenizer it was before */
	size_t n_row;      /* of embeddings in the result */
	struct vocabulary_rows **rows; /* [n_rows] that values are read from, freed at the end */
	size_t n_rows, cap_rows;
};

/* donor: the model that stands for `base`.  varm_vocabulary_release() is due also after a failure.
 */
int varm_vocabulary_open(struct vocabulary *v, const struct recipe *r,
    const struct source_model *model, size_t donor, struct fc_err *e);
void varm_vocabulary_release(struct vocabulary *v);

/* Adds to a tokenizer.json as read the tokens that only the files beside it name,
 * token/sidefiles.h, with the ids that the tokenizer gives them. */
int varm_vocabulary_complete(json_t *tokenizer, const char *dir, struct fc_err *e);

/* Replaces the values of a tensor with a row a token, values[k] of model[k], by what they are in
 * the result's vocabulary.  base: the model that counts as the base, or -1. */
int varm_vocabulary_map(struct vocabulary *v, struct values *values, const size_t *model, size_t n,
    int base, struct fc_err *e);

/* Writes the tokenizer into the result's folder. */
int varm_vocabulary_write(const struct vocabulary *v, const struct source_model *model,
    const char *dir, struct fc_err *e);

#endif
