/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_COMM_H
#define FC_BASE_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Several processes of one run, started by a launcher (mpirun, srun): messages between them by MPI,
 * whose module is opened only there.  A program that no launcher has started is rank 0 of 1, and
 * nothing here does anything.  All calls are of the main thread.
 *
 * A rank that ends in any other way than by fc_comm_close() ends all.  What MPI finds wrong ends
 * the program: no run goes on without one of its ranks.
 */
struct fc_comm;
/* Ranks above 0 are quiet, and name themselves and their host in what they have to say. */
int fc_comm_open(struct fc_comm **c, struct fc_err *e);
void fc_comm_close(struct fc_comm *c); /* every rank at its end; waits for the others */
size_t fc_comm_rank(const struct fc_comm *c);
size_t fc_comm_size(const struct fc_comm *c);
size_t fc_comm_neighbours(struct fc_comm *c); /* ranks of this host, this one too; of all ranks */

/* Rank 0's bytes for all. */
void fc_comm_share(struct fc_comm *c, void *p, size_t n_bytes);
void fc_comm_send(struct fc_comm *c, size_t to, const void *p, size_t n_bytes);
void fc_comm_receive(struct fc_comm *c, size_t from, void *p, size_t n_bytes);
/* part [size, n_bytes]: every rank's own part is there and becomes known to all. */
void fc_comm_gather(struct fc_comm *c, void *part, size_t n_bytes);

/* Messages on their way while the program does something else; those of one channel and one pair of
 * ranks arrive in the order in which they were begun. */
enum fc_comm_channel {
	FC_COMM_TALK, /* that of fc_comm_send() and fc_comm_receive() */
	FC_COMM_SUMS  /* of what is on its way while ranks talk */
};
struct fc_comm_mail;
struct fc_comm_mail *fc_comm_mail_new(struct fc_comm *c, enum fc_comm_channel channel);
void fc_comm_begin_send(struct fc_comm_mail *m, size_t to, const void *p, size_t n_bytes);
void fc_comm_begin_receive(struct fc_comm_mail *m, size_t from, void *p, size_t n_bytes);
/* Are all of them there?  Also moves on what is on its way, of all mails. */
bool fc_comm_arrived(struct fc_comm_mail *m);
void fc_comm_wait(struct fc_comm_mail *m); /* until all of them are there */
void fc_comm_mail_free(struct fc_comm_mail *m);
/* MPI moves messages only while it is called: who computes for long calls this now and then. */
void fc_comm_advance(struct fc_comm *c);

/* Bytes that this rank has sent. */
uint64_t fc_comm_sent(const struct fc_comm *c);

#endif
