/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_BESTTABLE_H
#define FC_ALIGN_BESTTABLE_H

#include <stddef.h>

#include "base/err.h"

/* Which of the streams is the best in a category, by a report of an earlier fusion. */
struct fc_besttable;
/* path: TSV with the columns group, source and ce.  label: [n] of the streams; each is to be in the
 * table's group "all". */
int fc_besttable_open(struct fc_besttable **t, const char *path, const char *const *label, size_t n,
    struct fc_err *e);
void fc_besttable_free(struct fc_besttable *t);
/* The stream of the least ce in this category, the first among equals; of all conversations where
 * the table does not have it, and for NULL. */
size_t fc_besttable_find(const struct fc_besttable *t, const char *category);

#endif
