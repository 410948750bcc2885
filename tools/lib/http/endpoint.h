/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_HTTP_ENDPOINT_H
#define FC_HTTP_ENDPOINT_H

#include <stdbool.h>

#include "base/opt.h"
#include "text/json.h"

/*
 * http/: asking an OpenAI-compatible server, the door to libcurl.  endpoint is where and how (its
 * options, and the key); http keeps requests on their way, again and again until they are answered
 * or the budget is spent; http_transfer carries one, http_reply says what became of it.
 */

struct fc_endpoint {
	const char *base_url; /* ".../v1" */
	const char *key;      /* or NULL; never shown */
	const char *ca_file;
	const char *body; /* JSON object of further members of the request; null removes one */
	const char *key_file, *key_env;
	int n_parallel, n_attempt;
	double timeout_s, connect_timeout_s;
	double delay_s;    /* before the first repetition; doubles each time */
	double max_wait_s; /* the longest that a Retry-After is obeyed */
	uint64_t max_reply_bytes;
	uint64_t budget_requests, budget_tokens; /* 0: none */
	bool allow_http;
};
/* The one that the options are about; base_url is the tool's to set. */
extern struct fc_endpoint fc_endpoint_asked;
extern const struct fc_opt fc_endpoint_options[];
/* Checks what can be checked without asking. */
int fc_endpoint_check(const struct fc_endpoint *p, struct fc_err *e);
/* Sets p->key from its file or the environment, and takes it out of this; key holds it. */
int fc_endpoint_read_key(struct fc_endpoint *p, struct fc_buf *key, struct fc_err *e);

struct fc_http_usage {
	uint64_t n_request, n_retry, n_token;
	bool over_budget;
};
struct fc_http_request {
	json_t *body;   /* an object, the door's to release */
	const char *id; /* for messages, borrowed */
	size_t number;  /* the asker's of it */
	int max_tokens; /* that the reply may have */
};

/* Who asks.  All calls come from one thread; replies come in any order. */
struct fc_http_asker {
	void *ctx;        /* the functions' */
	const char *path; /* below base_url: "chat/completions" */
	/* false: nothing to ask now; a reply may lead to more. */
	bool (*next)(void *ctx, struct fc_http_request *r);
	/* -1 with the reason: what came is no answer, and it may be asked again. */
	int (*check)(void *ctx, const json_t *reply, struct fc_err *e);
	/* reply, borrowed; NULL: there is none, and why says it in a line. */
	int (*take)(void *ctx, size_t number, json_t *reply, const char *why, struct fc_err *e);
};
/* The first message of a chat completion's reply, or NULL with the reason: it is none, as one
 * without choices, or with a failure in place of the message. */
const json_t *fc_http_message(const json_t *reply, struct fc_err *e);
/* Asks until there is nothing more to ask.  -1: the endpoint refuses, or taking a reply failed. */
int fc_http_run(const struct fc_endpoint *p, const struct fc_http_asker *a,
    struct fc_http_usage *used, struct fc_err *e);

#endif
