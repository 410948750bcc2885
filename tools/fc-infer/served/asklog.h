/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_ASKLOG_H
#define FC_INFER_ASKLOG_H

#include <stdio.h>

#include "text/json.h"

/*
 * The lines with requests and responses, while they come: a file that is continued, so that nothing
 * is asked twice, or one without a name.  A line is found again by all of it but the response: who
 * asks for a conversation of which something else is learned is not given the former one.
 */
struct asklog {
	FILE *f;
	const char *path;         /* borrowed; NULL: without a name */
	uint64_t end;             /* bytes of whole lines */
	struct asklog_slot *slot; /* [n_slot], a power of two */
	size_t n, n_slot;
	struct fc_buf line;
};
struct asklog_place {
	uint64_t at, n; /* bytes; n 0: none */
};
/* Cuts off a last line that was not finished. */
int infer_asklog_open(struct asklog *a, const char *path, struct fc_err *e);
uint64_t infer_asklog_key(const json_t *line);
/* false: there is no such line. */
bool infer_asklog_find(const struct asklog *a, uint64_t key, struct asklog_place *p);
/* Appends the line, n bytes without a newline. */
int infer_asklog_add(struct asklog *a, uint64_t key, const char *line, size_t n,
    struct asklog_place *p, struct fc_err *e);
/* A new reference. */
json_t *infer_asklog_read(struct asklog *a, const struct asklog_place *p, struct fc_err *e);
int infer_asklog_close(struct asklog *a, struct fc_err *e);

#endif
