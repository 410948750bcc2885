/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_YAMLWRITE_H
#define FC_VARM_YAMLWRITE_H

#include "base/buf.h"
#include "fc-varm/recipe/yamltree.h"

/* Appends v as a YAML document, without comments.  text() may replace the text of a node, or
 * return NULL; what it returns is borrowed until the next call. */
void varm_yaml_write(struct fc_buf *b, const struct yaml *v,
    const char *(*text)(const struct yaml *node, void *ctx), void *ctx);
/* Appends s in double quotes, with escapes for what YAML calls not printable and U+FFFD for what is
 * not UTF-8. */
void varm_yaml_write_quoted(struct fc_buf *b, const char *s);

#endif
