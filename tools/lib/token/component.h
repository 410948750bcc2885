/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_COMPONENT_H
#define FC_TOKEN_COMPONENT_H

#include "base/err.h"
#include "text/json.h"

/* The objects of tokenizer.json that choose an algorithm: {"type": NAME, parameters...}. */

/* The type, or NULL with a message.  Borrowed from o. */
const char *fc_component_type(const json_t *o, const char *where, struct fc_err *e);
/* Refuses by name a parameter that is not among keys ("pattern behavior invert") or "type". */
int fc_component_keys(const json_t *o, const char *keys, const char *where, struct fc_err *e);
/* Index of o[key] in words ("always|first|never"), def when missing. */
int fc_component_choice(const json_t *o, const char *key, const char *words, int def, int *out,
    const char *where, struct fc_err *e);
/* Word number index of such words, n bytes. */
const char *fc_component_word(const char *words, int index, size_t *n);
/* A required string of 1 to max bytes without NUL.  Borrowed from o. */
int fc_component_text(const json_t *o, const char *key, size_t max, const char **out, size_t *n,
    const char *where, struct fc_err *e);
/* Calls fn for each part of a possibly nested Sequence, whose parts are in o[list], or for o itself
 * if it is no Sequence; null is an empty one. */
int fc_component_each(const json_t *o, const char *list,
    int (*fn)(void *to, const json_t *part, const char *where, struct fc_err *e), void *to,
    const char *where, struct fc_err *e);

#endif
