/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_CATEGORY_H
#define FC_TEXT_CATEGORY_H

#include <stddef.h>

#include "text/json.h"

#define FC_CATEGORY_NONE "(none)"
#define FC_CATEGORY_ALL                                                                            \
	"all" /* what tables call all objects together; no category is called so                   \
	       */

/* What an object is filed under: its member `field` as text, FC_CATEGORY_NONE where that is
 * missing, null, an array or an object; FC_CATEGORY_ALL is an error.  The name is the caller's to
 * free().  where: the object's place for messages. */
int fc_category_name(
    const json_t *o, const char *field, const char *where, char **name, struct fc_err *e);
/* Names the category of an object that is JSON text (n may be 0: no members). */
int fc_category_parse(const char *json, size_t n, const char *field, const char *where, char **name,
    struct fc_err *e);

/* The categories met so far, numbered in that order.  {0} is empty. */
struct fc_categories {
	char **name;    /* [n] */
	size_t *sorted; /* [n] numbers in the order of their names' bytes */
	size_t n, cap, cap_sorted;
};
size_t fc_categories_number(struct fc_categories *c, const char *name); /* adds it if it is new */
void fc_categories_release(struct fc_categories *c);

#endif
