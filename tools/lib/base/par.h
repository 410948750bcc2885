/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PAR_H
#define FC_BASE_PAR_H

/*
 * Threads: one OpenMP pool for our loops and the matrix libraries.  Loops are written with
 * `#pragma omp parallel for`; work is cut by data, never by thread number, where a sum's order
 * would otherwise depend on the thread count.
 */
void fc_par_init(int n_threads); /* 0: as many as the processor offers */
int fc_par_threads(void);

/*
 * Threads that wait at a barrier would spin, and starve the other programs of a pipeline.  The
 * OpenMP runtime reads its wait policy before main(), so a program that will use several threads
 * starts itself again with OMP_WAIT_POLICY=passive, unless the environment says something.  Call it
 * before anything is read or written; it returns where there is nothing to do.
 */
void fc_par_wait_passively(void);

#endif
