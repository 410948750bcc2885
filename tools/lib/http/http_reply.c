/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SECRET_MIN = 8 }; /* bytes; what is shorter is a word, no secret */

/* How many bytes p begins with that stand anywhere in the key one after the other. */
static size_t part_of_key(const char *p, size_t n_p, const char *key, size_t n_key)
{
	size_t most = 0;
	for (size_t j = 0; j + most < n_key; j++) {
		size_t n = 0;
		while (n < n_p && j + n < n_key && p[n] == key[j + n])
			n++;
		most = n > most ? n : most;
	}
	return most;
}

/* Stars the key, and of its parts all that are long enough to be no word. */
static bool hide_key(char *p, size_t n_p, const char *key)
{
	size_t n_key = strlen(key), n = 0;
	bool found = false, in_key[256] = {false};
	for (size_t j = 0; j < n_key; j++)
		in_key[(unsigned char)key[j]] = true;
	for (size_t i = 0; i + SECRET_MIN <= n_p; i += n) {
		const unsigned char *q = (const unsigned char *)p + i;
		bool may = in_key[q[0]] && in_key[q[SECRET_MIN - 1]] && in_key[q[SECRET_MIN / 2]];
		n = may ? part_of_key(p + i, n_p - i, key, n_key) : 0;
		if (n < SECRET_MIN) {
			n = 1;
			continue;
		}
		memset(p + i, '*', n);
		found = true;
	}
	return found;
}

/* In a JSON text the key may be written with escapes, so its values are looked through, too. */
static void hide_key_in(json_t *v, const char *key)
{
	const char *name;
	size_t i;
	json_t *item;
	if (json_is_string(v)) {
		char *copy = fc_memdup0(json_string_value(v), json_string_length(v));
		if (hide_key(copy, json_string_length(v), key))
			json_string_setn(v, copy, json_string_length(v));
		free(copy);
	}
	json_object_foreach(v, name, item) hide_key_in(item, key);
	json_array_foreach(v, i, item) hide_key_in(item, key);
}

static bool is_fatal(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return true;
	default:
		return false;
	}
}

/* The endpoint's own words, made one short line. */
static void quote_endpoint(
    struct fc_err *why, long status, const struct fc_buf *body, const char *key)
{
	struct fc_err ignored;
	const char *said = NULL;
	char line[201];
	size_t n = 0;
	json_t *o = body->n ? fc_json_text(body->p, body->n, "reply", &ignored) : NULL;
	const json_t *error = json_object_get(o, "error");
	if (key)
		hide_key_in(o, key);
	if (json_is_string(error))
		said = json_string_value(error);
	else
		said = json_string_value(json_object_get(error, "message"));
	for (; said && *said && n < sizeof line - 1; said++)
		line[n++] = (unsigned char)*said < ' ' || *said == 127 ? ' ' : *said;
	line[n] = 0;
	fc_fail(why, "HTTP status %ld%s%s", status, n ? ": " : "", line);
	json_decref(o);
}

static void explain_failure(CURLcode code, const struct fc_buf *body, const struct fc_endpoint *opt,
    struct fc_http_outcome *out)
{
	out->result = is_fatal(code) ? FC_HTTP_REFUSED : FC_HTTP_AGAIN;
	if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED)
		fc_fail(&out->why, "a reply of more than %" PRIu64 " bytes", opt->max_reply_bytes);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		fc_fail(&out->why, "no whole reply in time, %zu bytes of it", body->n);
	else if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
		fc_fail(&out->why, "%s: %s", opt->base_url, curl_easy_strerror(code));
	else
		fc_fail(&out->why, "%s", curl_easy_strerror(code));
}

/* There is nothing of this name: a part of the URL is missing, or too much. */
static void add_asked(CURL *easy, struct fc_err *why)
{
	const struct fc_err said = *why;
	const char *url = NULL;
	curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
	fc_fail(why, "%.400s; %s was asked", said.msg, url ? url : "");
}

/* Seconds that the server asks to wait; 0 where it says nothing that is understood.  A number too
 * large for curl is a long wait, none of 0. */
static double retry_after(CURL *easy)
{
	struct curl_header *given;
	curl_off_t wait = 0;
	if (!curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &given)) {
		const size_t digits = strspn(given->value, "0123456789");
		if (digits && !given->value[digits])
			return strtod(given->value, NULL);
	}
	return curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait) ? 0 : (double)wait;
}

static void explain_status(CURL *easy, long status, const struct fc_buf *body, const char *key,
    struct fc_http_outcome *out)
{
	quote_endpoint(&out->why, status, body, key);
	switch (status) {
	case 408:
	case 409:
	case 425:
	case 429:
		out->result = FC_HTTP_AGAIN;
		break;
	case 401:
	case 403:
	case 404:
	case 405:
		out->result = FC_HTTP_REFUSED;
		break;
	default:
		out->result = status >= 500         ? FC_HTTP_AGAIN
		    : status >= 300 && status < 400 ? FC_HTTP_REFUSED
						    : FC_HTTP_NEVER;
	}
	if (status == 404 || status == 405)
		add_asked(easy, &out->why);
	if (status >= 300 && status < 400)
		fc_fail(&out->why,
		    "HTTP status %ld: the endpoint is elsewhere, and redirects are "
		    "not followed",
		    status);
	if (out->result == FC_HTTP_AGAIN)
		out->retry_after_s = retry_after(easy);
	out->busy = status == 429 || status == 503;
}

/* What its usage tells, else 0. */
static uint64_t tokens_of(const json_t *o)
{
	const json_t *total = json_object_get(json_object_get(o, "usage"), "total_tokens");
	return json_is_integer(total) && json_integer_value(total) > 0
	    ? (uint64_t)json_integer_value(total)
	    : 0;
}

const json_t *fc_http_message(const json_t *reply, struct fc_err *e)
{
	const json_t *choice = json_array_get(json_object_get(reply, "choices"), 0);
	const json_t *message = json_object_get(choice, "message");
	if (json_is_object(message))
		return message;
	fc_fail(
	    e, "no chat completion: there is no %s in the reply", choice ? "message" : "choice");
	return NULL;
}

void fc_http_outcome_of(CURL *easy, CURLcode code, struct fc_buf *body,
    const struct fc_endpoint *opt, const struct fc_http_asker *asker, struct fc_http_outcome *out)
{
	long status = 0;
	*out = (struct fc_http_outcome){0};
	if (opt->key && body->n)
		hide_key(body->p, body->n, opt->key);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK) {
		curl_off_t sent = 0;
		curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
		out->worked = sent && (status == 0 || status == 200);
		explain_failure(code, body, opt, out);
		return;
	}
	out->worked = status == 200;
	if (status != 200) {
		explain_status(easy, status, body, opt->key, out);
		return;
	}
	struct fc_err why;
	out->result = FC_HTTP_ANSWERED;
	out->o = fc_json_text(body->n ? body->p : "", body->n, "reply", &why);
	if (out->o && opt->key)
		hide_key_in(out->o, opt->key);
	out->n_token = tokens_of(out->o);
	if (!out->o || asker->check(asker->ctx, out->o, &why) < 0) {
		out->result = FC_HTTP_AGAIN;
		out->why = why;
	}
}
