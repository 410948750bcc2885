/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ASKER_H
#define FC_EVAL_ASKER_H

#include <stdbool.h>

#include "base/err.h"
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

/* An OpenAI-compatible endpoint. */
struct eval_endpoint {
	const char *base_url; /* ".../v1" */
	const char *model;
	const char *key; /* or NULL; never shown */
	const char *ca_file;
	const char *body; /* JSON object of further members of the request; null removes one */
	int n_parallel, n_attempt;
	int max_tokens;
	double timeout_s, connect_timeout_s;
	double delay_s;    /* before the first repetition; doubles each time */
	double max_wait_s; /* the longest that a Retry-After is obeyed */
	uint64_t max_reply_bytes;
	uint64_t budget_requests, budget_tokens; /* 0: none */
	bool allow_http;
};
struct eval_http_usage {
	uint64_t n_request, n_retry, n_token;
	bool over_budget;
};
/* Checks what can be checked without asking. */
int eval_http_check(const struct eval_endpoint *p, struct fc_err *e);
/* Asks until there is nothing more to ask.  -1: the endpoint refuses, or taking a reply failed. */
int eval_http_run(const struct eval_endpoint *p, const struct eval_asker *a,
    struct eval_http_usage *used, struct fc_err *e);

/*
 * A program that reads conversations, {"id", "messages"} a line, and writes them with the
 * assistant's answer as the last message, in any order, as fc-infer --generate does.  It may be
 * started again when replies lead to more requests.  Its standard error is ours.
 */
int eval_program_run(const char *const *argv, const struct eval_asker *a, struct fc_err *e);

#endif
