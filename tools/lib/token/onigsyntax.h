/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_ONIGSYNTAX_H
#define FC_TOKEN_ONIGSYNTAX_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Appends to out a PCRE2 pattern (to be compiled with UTF, UCP and MULTILINE) that matches what
 * the Oniguruma pattern p matches in Hugging Face tokenizers.  tokenizer.json is written in that
 * syntax, and the two differ silently: \s and \w, \h and \v, classes inside classes and their
 * intersections, {n,m}+, (?m).  What has no counterpart here is refused by name.
 * where: starts the message.
 */
int fc_onig_translate(
    struct fc_buf *out, const char *p, size_t n, const char *where, struct fc_err *e);

#endif
