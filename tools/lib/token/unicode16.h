/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_UNICODE16_H
#define FC_TOKEN_UNICODE16_H

#include <stddef.h>

/* The characters that Unicode 15 and 16 added to a general category, as items of a PCRE2 class: the
 * PCRE2 at hand may know Unicode 14 only, the reference's patterns know 16.  "" for a category that
 * got none. */
const char *fc_unicode16_items(const char *name, size_t n);

#endif
