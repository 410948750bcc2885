/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_TOKENS_H
#define FC_VARM_TOKENS_H

#include "base/err.h"

/*
 * Rows of an embedding are merged by their number, so a target's tokenizer must give every id the
 * token that the base's gives it.  Models without tokenizer files are taken at their word.  -1
 * names the first id that differs.
 */
int varm_tokens_check(const char *base, const char *target, struct fc_err *e);

#endif
