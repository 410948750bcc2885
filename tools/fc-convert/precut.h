/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CONVERT_PRECUT_H
#define FC_CONVERT_PRECUT_H

#include "base/err.h"
#include "text/json.h"

/* GGUF's name for the way that a byte-level tokenizer.json cuts text: the one whose patterns it
 * has.  NULL with an error: none has them. */
const char *convert_precut_name(const json_t *tokenizer, const char *where, struct fc_err *e);

#endif
