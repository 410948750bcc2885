/* SPDX-License-Identifier: Apache-2.0 */
#include "http/endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct fc_endpoint fc_endpoint_asked = {
    .key_env = "OPENAI_API_KEY",
    .n_parallel = 4,
    .n_attempt = 8,
    .timeout_s = 300,
    .connect_timeout_s = 10,
    .delay_s = 1,
    .max_wait_s = 600,
    .max_reply_bytes = 4 << 20,
};

const struct fc_opt fc_endpoint_options[] = {
    FC_OPT_HEAD("Endpoint"),
    FC_OPT_TEXT(0, "key-env", FC_OPT_PASSES, &fc_endpoint_asked.key_env, "NAME",
	"the environment variable with the key"),
    FC_OPT_TEXT(0, "key-file", FC_OPT_IN, &fc_endpoint_asked.key_file, "FILE", "the key, instead"),
    FC_OPT_TEXT(0, "body", FC_OPT_DECIDES, &fc_endpoint_asked.body, "JSON",
	"further members of every request; null removes one"),
    FC_OPT_INT(0, "parallel", FC_OPT_PASSES, &fc_endpoint_asked.n_parallel, "N", 1, 256,
	"requests at a time"),
    FC_OPT_INT(0, "attempts", FC_OPT_PASSES, &fc_endpoint_asked.n_attempt, "N", 1, 100,
	"tries of a request"),
    FC_OPT_REAL(0, "delay", FC_OPT_PASSES, &fc_endpoint_asked.delay_s, "S", 0, 60,
	"before the second try; it doubles each time"),
    FC_OPT_REAL(0, "max-wait", FC_OPT_PASSES, &fc_endpoint_asked.max_wait_s, "S", 0, 86400,
	"obey a Retry-After of at most this"),
    FC_OPT_REAL(0, "timeout", FC_OPT_PASSES, &fc_endpoint_asked.timeout_s, "S", 0.01, 86400,
	"of a request"),
    FC_OPT_REAL(0, "connect-timeout", FC_OPT_PASSES, &fc_endpoint_asked.connect_timeout_s, "S",
	0.01, 3600, "of connecting"),
    FC_OPT_U64(0, "max-reply", FC_OPT_DECIDES, &fc_endpoint_asked.max_reply_bytes, "BYTES",
	"of a reply; longer ones are refused"),
    FC_OPT_U64(0, "max-requests", FC_OPT_PASSES, &fc_endpoint_asked.budget_requests, "N",
	"budget of requests (0: none)"),
    FC_OPT_U64(0, "max-total-tokens", FC_OPT_PASSES, &fc_endpoint_asked.budget_tokens, "N",
	"budget of tokens, asked and answered (0: none)"),
    FC_OPT_TEXT(0, "ca-file", FC_OPT_IN, &fc_endpoint_asked.ca_file, "FILE",
	"certificates to trust instead of the system's"),
    FC_OPT_FLAG(0, "allow-http", FC_OPT_PASSES, &fc_endpoint_asked.allow_http,
	"plain HTTP to other machines, too"),
    FC_OPT_END,
};

int fc_endpoint_read_key(struct fc_endpoint *p, struct fc_buf *key, struct fc_err *e)
{
	const char *from_environment = getenv(p->key_env);
	if (p->key_file) {
		if (fc_file_read_any(p->key_file, 4096, key, e) < 0)
			return -1;
		while (key->n && strchr("\r\n \t", key->p[key->n - 1]))
			key->p[--key->n] = 0;
		if (!key->n || strlen(key->p) != key->n)
			return fc_fail(e, "%s: no key in it", p->key_file);
	} else if (from_environment && *from_environment) {
		fc_buf_adds(key, from_environment);
	}
	unsetenv(p->key_env); /* no program that is started is to get the key */
	p->key = key->n ? key->p : NULL;
	return 0;
}

static bool names_loopback(const char *host)
{
	struct in_addr a; /* a name that begins with 127. may resolve to anywhere */
	return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
	    (inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

static int check_url(const struct fc_endpoint *p, CURLU *url, struct fc_err *e)
{
	char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
	int ret = -1;
	if (curl_url_set(url, CURLUPART_URL, p->base_url, 0) ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0))
		fc_fail(e, "--endpoint: expected a URL like https://host/v1");
	else if (!curl_url_get(url, CURLUPART_USER, &user, 0) ||
	    !curl_url_get(url, CURLUPART_QUERY, &query, 0))
		fc_fail(e, "--endpoint: a URL without user, password and query is expected");
	else if (strcmp(scheme, "https") && strcmp(scheme, "http"))
		fc_fail(e, "--endpoint: https or http, not %s", scheme);
	else if (!strcmp(scheme, "http") && !p->allow_http && !names_loopback(host))
		fc_fail(
		    e, "--endpoint: plain http goes to this machine only; --allow-http lifts that");
	else
		ret = 0;
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(query);
	return ret;
}

int fc_endpoint_check(const struct fc_endpoint *p, struct fc_err *e)
{
	CURLU *url = curl_url();
	int ret = check_url(p, url, e);
	curl_url_cleanup(url);
	for (const char *s = p->key ? p->key : ""; *s; s++)
		if (*s <= ' ' || *s > '~')
			return fc_fail(e, "the key has a blank or a character outside ASCII");
	if (ret == 0 && p->body) {
		json_t *o = fc_json_text(p->body, strlen(p->body), "--body", e);
		ret = !o ? -1 : json_is_object(o) ? 0 : fc_fail(e, "--body: expected an object");
		json_decref(o);
	}
	return ret;
}
