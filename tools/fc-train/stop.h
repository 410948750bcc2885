/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TRAIN_STOP_H
#define FC_TRAIN_STOP_H

#include <stdbool.h>

/*
 * SIGTERM, which schedulers send before a job's time is up, and SIGUSR1, which mpirun passes on to
 * its ranks, end a run that has a checkpoint after the step it is at; a second one ends it at once.
 * leads: of rank 0, whose word the others wait for.
 */
void train_stop_arm(bool leads);
int train_stop_signal(void); /* 0: none has come */

#endif
