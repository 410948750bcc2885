/* SPDX-License-Identifier: Apache-2.0 */
#include "method.h"

#include <string.h>

#include "base/mem.h"

static const struct method *const methods[] = {&method_varm, &method_linear, &method_sce};

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < FC_LEN(methods); i++)
		if (!strcmp(methods[i]->name, name))
			return methods[i];
	return NULL;
}

struct settings method_settings(const struct method *m)
{
	return (struct settings){
	    .normalize = m == &method_linear,
	    .lambda = 1,
	    .select_topk = 0.1,
	    .flatten = true,
	    .tol = 1e-5,
	    .max_iter = 10,
	    .eps = 1e-8,
	};
}

struct term method_term(const struct method *m)
{
	(void)m;
	return (struct term){.weight = 1, .density = 1, .gamma = 0.01, .epsilon = 0.15};
}
