/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_ESCAPE_H
#define FC_BASE_ESCAPE_H

#include <stddef.h>

/*
 * Text from outside, made fit for a line on a terminal: control characters (C0, DEL, C1), marks
 * that turn the direction of writing, line separators, byte order marks and bytes that are no UTF-8
 * become \n, \t or \xNN a byte.  A backslash stays as it is, so that escaping twice changes
 * nothing. All messages of fc_fail(), fc_die(), fc_warn() and fc_note() have gone through it.
 */

/* Writes what is shown for the first character or byte of p (n bytes, n > 0) and returns how many
 * bytes of p that were.  *n_out: 1 to FC_ESCAPE_MAX. */
#define FC_ESCAPE_MAX 12
size_t fc_escape_next(char *out, size_t *n_out, const char *p, size_t n);

#endif
