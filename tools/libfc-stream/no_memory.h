/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_LIBFC_STREAM_NO_MEMORY_H
#define FC_LIBFC_STREAM_NO_MEMORY_H

#include "base/err.h"

/*
 * libfc-stream/: the tools' reader as a library for programs of others.  libstream is the interface
 * that they see, fc/stream.h, over stream/; no_memory what happens when memory is out.
 */

/*
 * The tools end when memory is out (base/mem.h).  A library must not end the program of others:
 * here what would end goes back to the call it came from, over what was being done.  A stream can
 * only be closed then; what had been allocated and not yet been kept anywhere is lost.
 */

/* step(arg); -1 with the reason in *e also if it would have ended the program. */
int fc_survive(int (*step)(void *arg), void *arg, struct fc_err *e);

#endif
