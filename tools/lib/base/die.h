/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_DIE_H
#define FC_BASE_DIE_H

#include "base/prog.h"

enum fc_exit {
	FC_EXIT_OK = 0,
	FC_EXIT_FAIL = 1,  /* the work could not be done: bad data, I/O, memory */
	FC_EXIT_USAGE = 2, /* the command line is wrong; nothing was read or written */
	FC_EXIT_NO = 3,    /* the work was done, and the answer to what was asked is no */
};

/* Print "PROG: message" to standard error and exit, which removes unfinished output files.
 * A format that ends in ':' gets the system's reason appended. */
_Noreturn void fc_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fc_die_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print and go on: a warning always, a note unless -q. */
void fc_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fc_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fc_note_lines(const char *text); /* a note for each line that is not empty */

/* Called before the program exits by one of these, with its status. */
void fc_die_hook(void (*leave)(int status));

/* Flushes standard output and exits with 0; a delayed write error (full disk) is fatal.
 * Every main() ends with this.  A closed pipe ends the tool quietly by SIGPIPE. */
_Noreturn void fc_finish(void);
/* Ends as fc_finish() does, with FC_EXIT_NO: for tools that a script asks a question. */
_Noreturn void fc_finish_no(void);

#endif
