/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_LINES_H
#define FC_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Lines of a text file, one after the other, with memory for one line.  path "-" is stdin.  A byte
 * order mark (UTF-8) at the beginning of a file is left out. */
#define FC_LINE_MAX ((size_t)64 << 20) /* bytes; a longer line is an error */

struct fc_lines;
int fc_lines_open(struct fc_lines **l, const char *path, struct fc_err *e);
/* 1: *p is the next line without its newline, n bytes, NUL after it, borrowed until the next
 * call; 0: end of file; -1: error. */
int fc_lines_next(struct fc_lines *l, char **p, size_t *n, struct fc_err *e);
uint64_t fc_lines_bytes(const struct fc_lines *l); /* handed out so far, newlines included */
const char *fc_lines_where(struct fc_lines *l);    /* "chats.jsonl:17", borrowed */
/* Nothing but white space? */
bool fc_line_is_blank(const char *p, size_t n);
void fc_lines_close(struct fc_lines *l);

#endif
