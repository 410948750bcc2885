/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_HTTP_TRANSFER_H
#define FC_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/endpoint.h"

/* One HTTP transfer at a time, with the limits on where it goes and how much comes back. */
struct fc_http_transfer {
	CURL *easy;
	const struct fc_endpoint *opt; /* borrowed */
	struct fc_buf reply;           /* the caller's to clear before a transfer */
};
/* url and headers are borrowed until the release; t stays where it is. */
void fc_http_transfer_init(struct fc_http_transfer *t, const struct fc_endpoint *o, const char *url,
    struct curl_slist *headers);
void fc_http_transfer_release(struct fc_http_transfer *t);

#endif
