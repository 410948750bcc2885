/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_LAUNCHER_H
#define FC_BASE_LAUNCHER_H

/*
 * Ends the program with status 2 where the environment says that a launcher (mpirun, mpiexec, srun)
 * has started it several times with one command line: the tools do not share work between
 * processes, so each would do all of it and write the same output.
 */
void fc_launcher_refuse(void);

#endif
