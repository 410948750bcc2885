/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_BESTTABLE_H
#define FC_ALIGN_BESTTABLE_H

#include <stddef.h>

#include "base/err.h"

/* Which of the streams is the best in a category, by a report of an earlier fusion. */
struct align_besttable;
/* path: TSV with the columns group, source and ce.  names: [n] of the streams; each is to be in the
 * table's group "all". */
int align_besttable_open(struct align_besttable **t, const char *path, const char *const *names,
    size_t n, struct fc_err *e);
void align_besttable_free(struct align_besttable *t);
/* The stream of the least ce in this category, the first among equals; of all conversations where
 * the table does not have it, and for NULL. */
size_t align_besttable_find(const struct align_besttable *t, const char *category);

#endif
