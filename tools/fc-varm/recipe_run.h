/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RECIPE_RUN_H
#define FC_VARM_RECIPE_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "tensor/rounding.h"

/*
 * fc-varm: main parses options; what they ask for becomes a plan in request/, whose values come
 * from source/, are computed by method/ under the engine of merge/, and become result/. A recipe
 * (recipe/) goes the same way, document by document: recipe_run.
 */

struct recipe_job {
	const char *file;   /* the recipe; "-" is standard input */
	const char *models; /* folder for models named by name, or NULL */
	const char *out;    /* folder to write */
	const char *report; /* table of weights, or NULL */
	bool force;         /* replace out */
	bool resume;        /* go on with an interrupted run; only the result, not what it needs */
	bool dry_run;       /* only print what would be done */
	bool any_tokenizer; /* merge rows by their number, whatever tokens they stand for */
	struct fc_rounding rounding; /* of the result's F16 and BF16, and of what it needs */
	size_t shard_bytes;
};

/* Carries out a recipe: its one document without a name, or the last one, gives the result; the
 * others are made first where it needs them. */
int varm_recipe_run(const struct recipe_job *job, struct fc_err *e);

#endif
