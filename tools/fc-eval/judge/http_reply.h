/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_ENDPOINT_REPLY_H
#define FC_EVAL_ENDPOINT_REPLY_H

#include <curl/curl.h>

#include "fc-eval/judge/asker.h"

enum endpoint_verdict {
	ENDPOINT_ANSWERED,
	ENDPOINT_AGAIN,   /* may go better next time */
	ENDPOINT_NEVER,   /* this request is not accepted */
	ENDPOINT_REFUSED, /* no request will be: wrong key, address, model */
};
struct endpoint_outcome {
	enum endpoint_verdict verdict;
	struct fc_err why;
	double retry_after_s; /* what the endpoint asks for, else 0 */
	bool busy;            /* it wants fewer requests */
	uint64_t n_token;
	json_t *o; /* the reply, the caller's; *reply borrows from it */
};
/* What became of a transfer.  The key, where the endpoint repeats it, is taken out of the body. */
void eval_endpoint_judge_transfer(CURL *easy, CURLcode code, struct fc_buf *body,
    const struct eval_endpoint *opt, struct eval_reply *reply, struct endpoint_outcome *out);

#endif
