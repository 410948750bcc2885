/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_PARAMETER_H
#define FC_VARM_PARAMETER_H

#include "base/buf.h"
#include "fc-varm/method/method.h"
#include "fc-varm/recipe/setting.h"

/*
 * The methods of recipes, by mergekit's names, and what each takes: how many models, whether one
 * of them is the base that changes are measured against, and which parameters.
 */
enum base_use {
	BASE_NEEDED,
	BASE_TAKEN,     /* may be missing */
	BASE_IS_TARGET, /* changes are not measured: the base is a model like the others */
};

struct recipe_method {
	const char *name;
	const char *engine; /* struct method's name */
	enum base_use base;
	int min, max;      /* targets; max 0: any number */
	const char *takes; /* parameters, each followed by a space; '!' before a required one */
};

const struct recipe_method *varm_recipe_method_find(const char *name); /* NULL: no such method */

/* The first one that the method carries out; every method has one. */
const struct recipe_method *varm_recipe_method_of(const struct method *m);

/* Checks the names and values of all parameters of the recipe.  One that only other methods take is
 * warned about, one that none takes is refused. */
int varm_parameter_check(const struct recipe *r, const struct recipe_method *m, struct fc_err *e);

/* What all targets share in a tensor.  *s holds the defaults. */
int varm_parameter_settings(const struct recipe *r, const struct recipe_method *m,
    const struct setting_place *at, struct settings *s, struct fc_err *e);
/* What a target has of its own; at->source is that target. */
int varm_parameter_term(const struct recipe *r, const struct recipe_method *m,
    const struct setting_place *at, struct term *t, struct fc_err *e);

/* Append what gives these values in a recipe: "parameters:" and a line for each that the method
 * takes, at the place of the recipe or of a model in a list; nothing where it takes none. */
void varm_parameter_write_settings(
    struct fc_buf *b, const struct recipe_method *m, const struct settings *s);
void varm_parameter_write_term(
    struct fc_buf *b, const struct recipe_method *m, const struct term *t);

#endif
