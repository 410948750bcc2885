/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_LAUNCHER_H
#define FC_BASE_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A program that shares its work between the processes of a launcher says so before it reads its
 * command line; it is not refused then.
 */
void fc_launcher_share(void);
/* Has a launcher started this program as one of several ranks, or as the only one of a run of MPI?
 */
bool fc_launcher_ranks(void);
/* How many it has started; 0: it did not say. */
size_t fc_launcher_count(void);
/* How many of them are on this machine; 0: it did not say. */
size_t fc_launcher_here(void);
/* The number of this one among them, from 0; 0 where it did not say. */
size_t fc_launcher_place(void);

/*
 * Ends the program with status 2 where the environment says that a launcher (mpirun, mpiexec, srun)
 * has started it several times with one command line, unless it shares the work: each would do all
 * of it and write the same output.
 */
void fc_launcher_refuse(void);

#endif
