/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_HTTP_TRANSFER_H
#define FC_EVAL_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "fc-eval/judge/asker.h"

/* One HTTP transfer at a time, with the limits on where it goes and how much comes back. */
struct eval_http_transfer {
	CURL *easy;
	const struct eval_endpoint *opt; /* borrowed */
	struct fc_buf reply;             /* the caller's to clear before a transfer */
};
/* url and headers are borrowed until the release; t stays where it is. */
void eval_http_transfer_init(struct eval_http_transfer *t, const struct eval_endpoint *o,
    const char *url, struct curl_slist *headers);
void eval_http_transfer_release(struct eval_http_transfer *t);

#endif
