/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_JOBS_H
#define FC_VARM_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "fc-varm/request/asked.h"
#include "tensor/rounding.h"

/*
 * fc-varm: one way leads from what is asked to a merged model.
 *
 *   recipe file ----------------------------.
 *                                            > recipe -> recipe_plan -> plan -> merge -> result
 *   options -> asked -> recipe in memory ---'
 *
 * A method is said once, in its own file (method/method.h): names, parameters, what the engine must
 * give it, functions, help. A parameter is said once, beside its methods (recipe/parameter.h).
 * Everything else is made of these: the rows of options (request/parameter_option), --help and the
 * tables of the man pages (request/method_table), the check and the evaluation of a recipe
 * (request/assign), the dry run and the card (result/), what --resume compares (merge/journal). The
 * engine asks for properties of a method and never for its name.
 *
 * main parses options. The command line is written as a recipe (request/asked), so that both come
 * through one reader, one plan, one dry run, one card and one set of messages; what differs is said
 * in struct recipe (said_by). jobs carries out the recipes of a file, one document after
 * another. The rooms follow each other as the work does: recipe/ is what was asked, as written;
 * source/ where values come from, method/ what is computed, merge/ the engine; request/ makes a
 * plan of a recipe, and result/ is what is written beside the weights.
 */

struct run_options {
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

/* Carries out a recipe, "-" being standard input: its one document without a name, or the last one,
 * gives the result; the others are made first where it needs them. */
int varm_run_recipe(const char *file, const struct run_options *o, struct fc_err *e);

/* What the command line asks for, as the recipe that says it; ends the program with status 2 where
 * that is wrong before any model is looked at. */
int varm_run_asked(const struct asked *a, const struct run_options *o, struct fc_err *e);

#endif
