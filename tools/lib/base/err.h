/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_ERR_H
#define FC_BASE_ERR_H

#include <stdarg.h>

/*
 * base/: what every program needs and nothing of the subject. err and die are the two ways to
 * fail, prog who is speaking, escape how text from outside is shown; mem and buf are memory.
 * Writing that is complete or absent: out (files) and outdir (folders), under the names of tmpname
 * until then; door keeps inputs and outputs apart, replace says what an output may take the place
 * of, ending what is done when a signal comes. file is reading and paths. opt is the command line
 * and command what is said first of programs that do several things (opt_rows: what a table says;
 * opt_help: what --help prints; completion: what shells are told; suggest: what a misspelt name may
 * mean; launcher: how often the program was started); progress is the bar, barline its line on a
 * terminal, board the lines of all programs there. par is the threads, hostmem how much memory is
 * left, ahead asks memory for what comes next, isa is the instruction set; rng random numbers,
 * resample intervals by drawing items again, hash fingerprints, shard every n-th record; comm
 * messages between the processes of one run, by the module in mpi/, module what is opened when it
 * is asked for.
 */

/*
 * How library functions report failure: they return -1 (or NULL) and leave one line here that
 * names the object, the place in it and what was expected.  Tools print it with fc_die().
 */
struct fc_err {
	char msg[1024];
};

/*
 * Formats the message and returns -1, so that `return fc_fail(e, ...)` composes.
 * A format that ends in ':' gets " " and strerror(errno) appended.  Text from outside is shown as
 * base/escape.h says.
 */
int fc_fail(struct fc_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int fc_vfail(struct fc_err *e, const char *fmt, va_list ap);

#endif
