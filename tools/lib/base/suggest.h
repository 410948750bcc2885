/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_SUGGEST_H
#define FC_BASE_SUGGEST_H

#include "base/buf.h"

/* Appends which of names[n] the word may have been meant to be, each behind the prefix: "--seed",
 * "--seed or --slots", or nothing. */
void fc_suggest(
    struct fc_buf *b, const char *prefix, const char *word, const char *const *names, size_t n);

#endif
