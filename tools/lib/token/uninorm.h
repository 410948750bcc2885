/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_UNINORM_H
#define FC_TOKEN_UNINORM_H

#include "token/aligned.h"

enum fc_uninorm { FC_NFC, FC_NFD, FC_NFKC, FC_NFKD };

/* Normalizes *text.  One that is normal already is left alone, with its byte-exact map; otherwise
 * it is rebuilt in to, and only the characters that changed share a span. */
void fc_uninorm_run(enum fc_uninorm form, struct fc_aligned *text, struct fc_alignpair *to);

#endif
