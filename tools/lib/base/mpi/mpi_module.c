/* SPDX-License-Identifier: Apache-2.0 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mpi/mpi_module.h"

extern const char fc_version[];

static char text[MPI_MAX_ERROR_STRING];

static const char *fail_unless(int status)
{
	int n;
	if (status == MPI_SUCCESS)
		return NULL;
	if (MPI_Error_string(status, text, &n) != MPI_SUCCESS)
		snprintf(text, sizeof text, "MPI error %d", status);
	return text;
}

static const char *open_mpi(size_t *rank, size_t *size)
{
	int given, r = 0, n = 0;
	/* Ranks that wait would spin, and starve those that share their cores. */
	setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
	const char *error = fail_unless(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given));
	if (!error)
		error = fail_unless(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
	if (!error)
		error = fail_unless(MPI_Comm_rank(MPI_COMM_WORLD, &r));
	if (!error)
		error = fail_unless(MPI_Comm_size(MPI_COMM_WORLD, &n));
	*rank = (size_t)r;
	*size = (size_t)n;
	return error;
}

static void name_host(char *name, size_t size)
{
	char host[MPI_MAX_PROCESSOR_NAME];
	int n;
	if (MPI_Get_processor_name(host, &n) != MPI_SUCCESS)
		n = 0;
	snprintf(name, size, "%.*s", n, host);
}

static void close_mpi(void)
{
	MPI_Finalize();
}

static void abort_all(int status)
{
	MPI_Abort(MPI_COMM_WORLD, status);
}

static const char *share(void *p, size_t n)
{
	return fail_unless(MPI_Bcast(p, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD));
}

static const char *gather(void *part, size_t n)
{
	return fail_unless(MPI_Allgather(
	    MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, part, (int)n, MPI_BYTE, MPI_COMM_WORLD));
}

static MPI_Request *new_request(void)
{
	MPI_Request *r = malloc(sizeof *r);
	if (!r)
		snprintf(text, sizeof text, "out of memory");
	return r;
}

static const char *begin_send(size_t to, int channel, const void *p, size_t n, void **request)
{
	MPI_Request *r = *request = new_request();
	return r ? fail_unless(MPI_Isend(p, (int)n, MPI_BYTE, (int)to, channel, MPI_COMM_WORLD, r))
		 : text;
}

static const char *begin_receive(size_t from, int channel, void *p, size_t n, void **request)
{
	MPI_Request *r = *request = new_request();
	return r
	    ? fail_unless(MPI_Irecv(p, (int)n, MPI_BYTE, (int)from, channel, MPI_COMM_WORLD, r))
	    : text;
}

static const char *finish(void **request)
{
	MPI_Request *r = *request;
	const char *error = fail_unless(MPI_Wait(r, MPI_STATUS_IGNORE));
	free(r);
	*request = NULL;
	return error;
}

static const char *test(void **request, bool *done)
{
	MPI_Request *r = *request;
	int yes = 0;
	const char *error = fail_unless(MPI_Test(r, &yes, MPI_STATUS_IGNORE));
	*done = yes;
	if (!yes)
		return error;
	free(r);
	*request = NULL;
	return error;
}

static const char *advance(void)
{
	int any;
	return fail_unless(
	    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &any, MPI_STATUS_IGNORE));
}

__attribute__((visibility("default"))) const struct fc_comm_module fc_comm_module = {
    .abi = FC_COMM_ABI,
    .version = fc_version,
    .open = open_mpi,
    .host = name_host,
    .close = close_mpi,
    .abort = abort_all,
    .share = share,
    .gather = gather,
    .send = begin_send,
    .receive = begin_receive,
    .finish = finish,
    .test = test,
    .advance = advance,
};
