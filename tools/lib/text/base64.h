/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_BASE64_H
#define FC_TEXT_BASE64_H

#include "base/buf.h"

/* Bytes as text, RFC 4648 section 4. */

/* Appends n bytes with padding. */
void fc_base64_encode(struct fc_buf *b, const void *p, size_t n);
/* Appends what the n characters stand for; padding may be missing.  Returns n, or the place of the
 * first character that cannot stand there; nothing of the group it is in is then of use. */
size_t fc_base64_decode(struct fc_buf *b, const char *p, size_t n);

#endif
