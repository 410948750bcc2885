/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_STREAM_TENSORS_H
#define FC_STORE_STREAM_TENSORS_H

#include <stdbool.h>

#include "base/err.h"
#include "tensor/tensor.h"

/*
 * The tensors of a stream, kept in a file that has no name any more ($TMPDIR, else /tmp) and
 * mapped from there, so that memory does not grow with them and a pipe can be read.
 */
struct fc_stream_tensors {
	struct fc_tensor *tensor; /* [n] sorted by name; names are owned */
	size_t n, cap;
	void *map;
	uint64_t
	    pivot; /* fingerprint of the model whose changes the tensors are; 0: they are a model */
	size_t n_bytes; /* of the file */
	int fd;
};

/* Whether the path is a stream, by its first bytes, or a pipe. */
bool fc_stream_tensors_is(const char *path);
/* path "-": standard input.  fc_stream_tensors_close() is due also after a failure. */
int fc_stream_tensors_open(struct fc_stream_tensors *s, const char *path, struct fc_err *e);
void fc_stream_tensors_close(struct fc_stream_tensors *s);

#endif
