/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_transfer.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/die.h"

static size_t receive_bytes(
    char *p, size_t size, size_t n, void *ctx /* struct eval_http_transfer */)
{
	struct eval_http_transfer *t = ctx;
	if (t->reply.n + size * n > t->opt->max_reply_bytes)
		return 0; /* ends the transfer */
	fc_buf_add(&t->reply, p, size * n);
	return size * n;
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >>
		    24 ==
		    127;
	return a->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* Whatever the name resolves to: without TLS nothing leaves this machine. */
static curl_socket_t open_loopback(
    void *ctx /* unused */, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)ctx;
	(void)purpose;
	if (!is_loopback(&a->addr))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype, a->protocol);
}

void eval_http_transfer_init(struct eval_http_transfer *t, const struct eval_endpoint *o,
    const char *url, struct curl_slist *headers)
{
	CURL *c = curl_easy_init();
	*t = (struct eval_http_transfer){.easy = c, .opt = o};
	if (!c)
		fc_die("cannot set up an HTTP transfer");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* the key goes to one place only */
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/* On a connection that was used before, curl repeats a request by itself, uncounted. */
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, lround(o->connect_timeout_s * 1000));
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, lround(o->timeout_s * 1000));
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)o->max_reply_bytes);
	if (o->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
	if (!strncmp(url, "http:", 5) && !o->allow_http) {
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_loopback);
		curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	}
}

void eval_http_transfer_release(struct eval_http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	fc_buf_release(&t->reply);
}

static bool names_loopback(const char *host)
{
	struct in_addr a; /* a name that begins with 127. may resolve to anywhere */
	return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
	    (inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127);
}

static int check_url(const struct eval_endpoint *p, CURLU *url, struct fc_err *e)
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

int eval_http_check(const struct eval_endpoint *p, struct fc_err *e)
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
