/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SETTING_H
#define FC_VARM_SETTING_H

#include "fc-varm/recipe/parameter.h"
#include "fc-varm/recipe/recipe.h"

/*
 * The value a recipe gives a parameter for one tensor.  A setting is a scalar; a list of scalars,
 * interpolated over the layers (numbers) or chosen from (truths); or a list of {filter, value}, of
 * which the first counts whose filter is missing, "*" or a part of the tensor's name.  Where none
 * does, the next wider setting is asked: source, slice, module, recipe.
 */
struct setting_place {
	const struct recipe_slice *slice;
	const struct recipe_source *source; /* NULL: a parameter that all sources share */
	const char *tensor;                 /* its name, of which a filter is a part */
	double t;                           /* 0 at the slice's first layer, 1 at its last */
};

/* Refuses a setting that could not be evaluated for some tensor. */
int varm_setting_check(
    const struct recipe *r, const struct yaml *v, const struct parameter *p, struct fc_err *e);

/* *line is that of the setting used, 0 if there is none; *out is then left alone.  Settings must
 * have been checked. */
int varm_setting_find(const struct recipe *r, const struct setting_place *at,
    const struct parameter *p, double *out, int *line, struct fc_err *e);

#endif
