/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_JSON_WRITE_H
#define FC_TEXT_JSON_WRITE_H

#include "text/json.h"

/* Writes v, indented and with a newline, over the file. */
int fc_json_write(const char *path, const json_t *v, struct fc_err *e);

#endif
