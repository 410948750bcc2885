/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_HTTP_REPLY_H
#define FC_EVAL_HTTP_REPLY_H

#include <curl/curl.h>

#include "fc-eval/judge/asker.h"

enum eval_http_result {
	EVAL_HTTP_ANSWERED,
	EVAL_HTTP_AGAIN,   /* may succeed if it is asked again */
	EVAL_HTTP_NEVER,   /* the endpoint does not accept this request */
	EVAL_HTTP_REFUSED, /* no request will succeed: wrong key, address or model */
};
struct eval_http_outcome {
	enum eval_http_result result;
	struct fc_err why;
	double retry_after_s; /* wait that the endpoint asks for, else 0 */
	bool busy;            /* the endpoint wants fewer requests */
	uint64_t n_token;
	json_t *o; /* the reply, the caller's; *reply borrows from it */
};
/* What became of a transfer.  The key, where the endpoint repeats it, is taken out of the body. */
void eval_http_outcome_of(CURL *easy, CURLcode code, struct fc_buf *body,
    const struct eval_endpoint *opt, struct eval_reply *reply, struct eval_http_outcome *out);

#endif
