/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_ASKED_H
#define FC_VARM_ASKED_H

#include "fc-varm/method/method.h"
#include "fc-varm/recipe/yamltree.h"

/*
 * request/: what was asked for becomes a plan. asked holds what the command line says and writes it
 * as a recipe; parameter_option makes its options of the declared parameters. assign checks and
 * evaluates a recipe's parameters, recipe_plan opens its models and decides everything.
 * method_table prints the declarations, by meaning.
 */

/* What the command line asks for: the same in every tensor. */
struct asked {
	const struct method *method;
	const char *base;
	const char *const *target; /* [n_target] */
	int n_target;
	struct settings settings;
	struct target_params *target_params; /* [n_target], owned */
	const char *dtype; /* as recipes call it; NULL: every tensor as in the base */
};

/* The command line as a recipe: said_by[line] is the option that a line stands for, or NULL. */
struct asked_recipe {
	struct fc_buf text;
	const char **said_by;
	int n_line;
	size_t cap;
};
void varm_asked_write(struct asked_recipe *w, const struct asked *a);
void varm_asked_recipe_release(struct asked_recipe *w);
/* To be called of what was read from it: paths, of any bytes, become as they were given. */
void varm_asked_restore(struct yaml_file *f);

/*
 * The recipe that makes the same weights, for others to read: name[0] is the pivot's, then come
 * the targets', and dtype is the one type of all tensors, or NULL.  Where the method has no base,
 * the pivot is listed with weight 0, if there are weights, so that the result has its
 * configuration.
 */
void varm_asked_publish(
    struct fc_buf *b, const struct asked *a, char *const *name, const char *dtype);

#endif
