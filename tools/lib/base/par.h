/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_PAR_H
#define FC_BASE_PAR_H

/*
 * Threads: one OpenMP pool for our loops and the matrix libraries.  Loops are written with
 * `#pragma omp parallel for`; work is cut by data, never by thread number, where a sum's order
 * would otherwise depend on the thread count.
 */
void fc_par_init(int n_threads); /* 0: as many as the processor offers; call once from main() */
int fc_par_threads(void);

#endif
