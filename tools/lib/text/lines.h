/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_LINES_H
#define FC_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/infile.h"

/* Lines of a text file, packed or not (infile.h), one after the other, with memory for one line.
 * path
 * "-" is stdin. */
#define FC_LINE_MAX ((size_t)64 << 20) /* bytes; a longer line is an error */

struct fc_lines;
/* The lines of a file, which becomes theirs; nothing of it was taken. */
struct fc_lines *fc_lines_of(struct fc_infile *in);
int fc_lines_open(struct fc_lines **l, const char *path, struct fc_err *e);
/* 1: *p is the next line without its newline, n bytes, NUL after it, borrowed until the next
 * call; 0: end of file; -1: error. */
int fc_lines_next(struct fc_lines *l, char **p, size_t *n, struct fc_err *e);
/* Bytes of the file handed out so far, newlines included; of a packed one see fc_infile_bytes(). */
uint64_t fc_lines_bytes(const struct fc_lines *l);
uint64_t fc_lines_number(const struct fc_lines *l); /* of the last one, from 1 */
const char *fc_lines_where(struct fc_lines *l);     /* "chats.jsonl:17", borrowed */
/* Nothing but white space? */
bool fc_line_is_blank(const char *p, size_t n);
void fc_lines_close(struct fc_lines *l);

#endif
