/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_CHARSMAP_H
#define FC_TOKEN_CHARSMAP_H

#include <stddef.h>

#include "base/err.h"

/* SentencePiece's precompiled_charsmap: strings and what each is replaced by.  The blob is the size
 * of a double array (Darts-clone; u32, little-endian), the array, and the NUL-terminated
 * replacements.  Immutable. */
struct fc_charsmap;
int fc_charsmap_new(
    struct fc_charsmap **c, const char *blob, size_t n, const char *where, struct fc_err *e);
/* Makes one of the blob in base64, as tokenizer.json has it. */
int fc_charsmap_base64(
    struct fc_charsmap **c, const char *text, size_t n, const char *where, struct fc_err *e);
void fc_charsmap_free(struct fc_charsmap *c);

/* The longest, or the shortest, string that p begins with: its length, 0 if there is none.  *to is
 * its replacement, valid UTF-8, n_to bytes, borrowed. */
size_t fc_charsmap_longest(
    const struct fc_charsmap *c, const char *p, size_t n, const char **to, size_t *n_to);
size_t fc_charsmap_shortest(
    const struct fc_charsmap *c, const char *p, size_t n, const char **to, size_t *n_to);

#endif
