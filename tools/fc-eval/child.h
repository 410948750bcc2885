/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_CHILD_H
#define FC_EVAL_CHILD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A program that runs beside this one. */
struct eval_child {
	pid_t pid;
	int to;   /* its standard input; close it and set it to -1 when all is written */
	int from; /* its standard output, -1 where that goes to a file */
};
/* argv[0] is found by PATH.  out_fd: its standard output, -1 for a pipe.  Ignore SIGPIPE before. */
int eval_child_start(struct eval_child *c, const char *const *argv, int out_fd, struct fc_err *e);
/* Closes the pipes and waits.  -1: it failed; name is for the message. */
int eval_child_wait(struct eval_child *c, const char *name, struct fc_err *e);
/*
 * Runs a program that reads all of out while take() gets what it writes, block by block, and n = 0
 * at its end.  -1: the program or take() failed.  A program that stops reading is no failure.
 */
int eval_child_exchange(const char *const *argv, const char *name, const struct fc_buf *out,
    int (*take)(void *ctx, const char *p, size_t n, struct fc_err *e), void *ctx /* take's */,
    struct fc_err *e);

#endif
