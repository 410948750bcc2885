/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PAR_H
#define FC_BASE_PAR_H

#include <stddef.h>

/*
 * Threads: one OpenMP pool for our loops and the matrix library.  Loops are written with
 * `#pragma omp parallel for`; work is divided by data, never by thread number, where a sum's order
 * would otherwise depend on the thread count.
 */
void fc_par_init(int n_threads); /* 0: as many as the processor offers */
int fc_par_threads(void);
/* How many of n, but at most so many, a thread takes at a time so that all have some. */
size_t fc_par_share(size_t n, size_t most);

/*
 * Sets what the libraries read before main() and starts the program again where that changed:
 * how long threads wait at a barrier, since they would spin and starve the other programs of a
 * pipeline, and OpenBLAS' processor, as base/isa.h says.  What the environment holds already
 * stays.  Then fc_par_init().  Call it before anything is read or written.
 */
void fc_par_start(int n_threads);

#endif
