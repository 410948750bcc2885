/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_PARAMETER_OPTION_H
#define FC_VARM_PARAMETER_OPTION_H

#include "base/opt.h"
#include "fc-varm/request/asked.h"

/*
 * The option of each declared parameter, by its name; here alone the declarations meet the table
 * of options (base/opt.h).
 */

/* Their rows; called once. */
const struct fc_opt *varm_parameter_option_table(void);

/* "--select-topk" */
const char *varm_parameter_option_name(const struct parameter *p);
/* What the option's value looks like: "D,D...", "yes|no"; NULL where it takes none. */
const char *varm_parameter_option_arg(const struct parameter *p);
/* The i-th option's parameter; NULL: there are no more. */
const char *varm_parameter_option_at(size_t i);

/* Whether some of them was given. */
bool varm_parameter_options_given(void);
/* Puts their values into a->settings and a->target_params, where a->method and a->n_target are
 * known; ends the program where one was given that the method does not take. */
void varm_parameter_options_get(struct asked *a);

#endif
