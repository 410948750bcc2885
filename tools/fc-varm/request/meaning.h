/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MEANING_H
#define FC_VARM_MEANING_H

#include "fc-varm/method/method.h"

/*
 * What a parameter's name means to the methods that take it: a name has a meaning for each text of
 * help that parameters of this name have.  A meaning is given by one of its parameters.
 */

/* Calls for each take t of each method m. */
#define VARM_EACH_TAKE(m, t)                                                                       \
	for (size_t i_##m = 0; i_##m < varm_method_count(); i_##m++)                               \
		for (const struct method *m = varm_method_at(i_##m); m; m = NULL)                  \
			for (const struct take *t = m->takes; t->parameter; t++)

/* The k-th meaning of a name; NULL: there is none. */
const struct parameter *varm_meaning(const char *name, size_t k);

/* The different defaults of a meaning; n of them, at most max, are put into usual. */
size_t varm_meaning_defaults(const struct parameter *p, double *usual, size_t max);

/* Appends the methods to which p means something, and where usual is given has that default; how
 * many. */
size_t varm_meaning_methods(
    struct fc_buf *b, const struct parameter *p, const double *usual, const char *between);

#endif
