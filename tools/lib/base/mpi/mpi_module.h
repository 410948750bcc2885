/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_MPI_MPI_MODULE_H
#define FC_BASE_MPI_MPI_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * mpi/: messages between processes by MPI, in a module of its own (mpi_module), since starting MPI
 * takes most of a second.
 *
 * What libfc-mpi.so gives: the few calls that comm.c is made of.  Messages are at most
 * FC_COMM_MESSAGE bytes; text is what went wrong, and where it is not NULL the call has failed.
 */
#define FC_COMM_ABI 2
#define FC_COMM_SYMBOL "fc_comm_module"
enum { FC_COMM_MESSAGE = 1 << 30, FC_COMM_TEXT = 512 };

struct fc_comm_module {
	uint32_t abi;
	const char *version; /* of the program */
	const char *(*open)(size_t *rank, size_t *size);
	void (*host)(char *name, size_t size);
	void (*close)(void);
	void (*abort)(int status);
	const char *(*share)(void *p, size_t n);
	const char *(*gather)(void *part, size_t n);
	/* *request is of the module; finish() waits for it, and test() asks whether it is done;
	 * both free it then. */
	const char *(*send)(size_t to, int channel, const void *p, size_t n, void **request);
	const char *(*receive)(size_t from, int channel, void *p, size_t n, void **request);
	const char *(*finish)(void **request);
	const char *(*test)(void **request, bool *done);
	const char *(*advance)(void); /* messages on their way */
};

#endif
