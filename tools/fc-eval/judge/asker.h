/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ASKER_H
#define FC_EVAL_ASKER_H

#include <stdbool.h>

#include "base/err.h"
#include "http/endpoint.h"
#include "text/json.h"

/* How requests get to a judge and replies come back: over HTTP or through a program's pipes. */
struct eval_request {
	json_t *messages; /* [{"role", "content"}, ...], borrowed */
	const char *id;   /* unique, borrowed */
	size_t number;    /* the asker's number of it */
};

struct eval_reply {
	const char *text; /* what the judge says, n bytes; NULL: it will say nothing */
	size_t n;
	const char *why; /* where text is NULL: the reason, one line */
	json_t *about;   /* what was told beside: finish_reason, usage; borrowed, or NULL */
};

/* Who asks.  All calls come from one thread; replies come in any order. */
struct eval_asker {
	void *ctx; /* the functions' */
	/* false: nothing to ask now; a reply may lead to more. */
	bool (*next)(void *ctx, struct eval_request *r);
	int (*take)(void *ctx, size_t number, const struct eval_reply *reply, struct fc_err *e);
};

/* A judge behind an OpenAI-compatible endpoint. */
struct eval_http_judge {
	const struct fc_endpoint *endpoint;
	const char *model;
	int max_tokens;
};
/* Asks until there is nothing more to ask.  -1: the endpoint refuses, or taking a reply failed. */
int eval_http_judge_run(const struct eval_http_judge *judge, const struct eval_asker *a,
    struct fc_http_usage *used, struct fc_err *e);

/*
 * A program that reads conversations, {"id", "messages"} a line, and writes them with the
 * assistant's answer as the last message, in any order, as fc-infer --generate does.  It may be
 * started again when replies lead to more requests.  Its standard error is ours.
 */
int eval_program_run(const char *const *argv, const struct eval_asker *a, struct fc_err *e);

#endif
