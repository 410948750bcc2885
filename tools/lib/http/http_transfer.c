/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_transfer.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/die.h"

static size_t receive_bytes(char *p, size_t size, size_t n, void *ctx /* struct fc_http_transfer */)
{
	struct fc_http_transfer *t = ctx;
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

void fc_http_transfer_init(struct fc_http_transfer *t, const struct fc_endpoint *o, const char *url,
    struct curl_slist *headers)
{
	CURL *c = curl_easy_init();
	*t = (struct fc_http_transfer){.easy = c, .opt = o};
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

void fc_http_transfer_release(struct fc_http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	fc_buf_release(&t->reply);
}
