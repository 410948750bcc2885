/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CARD_H
#define FC_VARM_CARD_H

#include "fc-varm/merge/merge.h"

/* What a model card says, beside the weights.  Nothing in it tells of the machine. */
struct card {
	const char *method; /* as recipes call it */
	const char *donor;  /* which model gave the configuration, in a word */
	struct card_model {
		const char *name, *hub; /* with and without its adapter */
		const char *part;       /* what it is in the merge */
		uint64_t fingerprint;
	} * model;
	size_t n_model;
	const char *recipe; /* YAML */
};

/* Writes into the result's folder the recipe, as mergekit_config.yml, and a model card, README.md:
 * models, weights, recipe. */
int varm_card_write(const char *dir, const struct card *c, const struct plan *p,
    const struct verdicts *r, struct fc_err *e);

#endif
