/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_HTTP_REPLY_H
#define FC_HTTP_REPLY_H

#include <curl/curl.h>

#include "http/endpoint.h"

enum fc_http_result {
	FC_HTTP_ANSWERED,
	FC_HTTP_AGAIN,   /* may succeed if it is asked again */
	FC_HTTP_NEVER,   /* the endpoint does not accept this request */
	FC_HTTP_REFUSED, /* no request will succeed: wrong key, address or model */
};
struct fc_http_outcome {
	enum fc_http_result result;
	struct fc_err why;
	double retry_after_s; /* wait that the endpoint asks for, else 0 */
	bool busy;            /* the endpoint wants fewer requests */
	bool worked;          /* the endpoint has worked on it, or nothing says that it has not */
	uint64_t n_token;     /* that it counted; 0: it does not tell */
	json_t *o;            /* the reply, the caller's; NULL: none came */
};
/* What became of a transfer.  The key, where the endpoint repeats it, is taken out of the body. */
void fc_http_outcome_of(CURL *easy, CURLcode code, struct fc_buf *body,
    const struct fc_endpoint *opt, const struct fc_http_asker *asker, struct fc_http_outcome *out);

#endif
