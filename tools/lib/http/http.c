/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "http/http_reply.h"
#include "http/http_transfer.h"

enum slot_state { SLOT_FREE, SLOT_ACTIVE, SLOT_WAITING };

/* One request from its first try to its last. */
struct slot {
	enum slot_state state;
	struct fc_http_transfer http;
	size_t number;
	char *id;
	struct fc_buf body;
	uint64_t n_reserved; /* tokens that the request may cost */
	int n_try;
	double due; /* when a waiting request is sent */
};

struct http {
	const struct fc_endpoint *opt;
	const struct fc_http_asker *asker;
	struct fc_http_usage *used;
	CURLM *multi;
	struct curl_slist *headers;
	json_t *extra;
	char *url;
	struct slot *slot; /* [opt->n_parallel] */
	uint64_t n_reserved;
	double not_before; /* the endpoint wants nothing sent before */
	bool refused;      /* the endpoint takes no request any more: nothing is sent */
	struct fc_err refusal;
	struct fc_rng rng;
};

static int set_up(struct http *x, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	const struct fc_endpoint *o = x->opt;
	if (o->body && !(x->extra = fc_json_text(o->body, strlen(o->body), "--body", e)))
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(x->multi = curl_multi_init()))
		return fc_fail(e, "cannot set up HTTP");
	size_t n = strlen(o->base_url);
	while (n && o->base_url[n - 1] == '/')
		n--;
	fc_buf_addf(&b, "%.*s/%s", (int)n, o->base_url, x->asker->path);
	x->url = fc_buf_detach(&b);
	x->headers = curl_slist_append(NULL, "Content-Type: application/json");
	x->headers = curl_slist_append(x->headers, "Accept: application/json");
	x->headers = curl_slist_append(x->headers, "Expect:"); /* no pause before a large body */
	if (o->key) {
		fc_buf_addf(&b, "Authorization: Bearer %s", o->key);
		x->headers = curl_slist_append(x->headers, b.p);
		memset(b.p, 0, b.n);
	}
	fc_buf_release(&b);
	x->slot = FC_ARRAY(struct slot, (size_t)o->n_parallel);
	for (int i = 0; i < o->n_parallel; i++)
		fc_http_transfer_init(&x->slot[i].http, o, x->url, x->headers);
	fc_rng_seed(&x->rng, 0);
	return 0;
}

static void tear_down(struct http *x)
{
	for (int i = 0; x->slot && i < x->opt->n_parallel; i++) {
		struct slot *s = &x->slot[i];
		if (s->state == SLOT_ACTIVE)
			curl_multi_remove_handle(x->multi, s->http.easy);
		fc_http_transfer_release(&s->http);
		fc_buf_release(&s->body);
		free(s->id);
	}
	free(x->slot);
	free(x->url);
	json_decref(x->extra);
	curl_slist_free_all(x->headers);
	curl_multi_cleanup(x->multi);
	curl_global_cleanup();
}

/* With the members of --body. */
static void make_body(struct http *x, struct slot *s, json_t *o)
{
	const char *key;
	json_t *v;
	json_object_foreach(x->extra, key, v)
	{
		if (json_is_null(v))
			json_object_del(o, key);
		else
			json_object_set(o, key, v);
	}
	fc_buf_clear(&s->body);
	fc_json_dump(&s->body, o);
	json_decref(o);
}

/* A request is sent only if the budget is met even when it costs all that it may. */
static bool is_affordable(const struct http *x, uint64_t n_reserved)
{
	const struct fc_endpoint *o = x->opt;
	return !(o->budget_requests && x->used->n_request >= o->budget_requests) &&
	    !(o->budget_tokens && x->used->n_token + x->n_reserved + n_reserved > o->budget_tokens);
}

static void send_slot(struct http *x, struct slot *s)
{
	fc_buf_clear(&s->http.reply);
	curl_easy_setopt(s->http.easy, CURLOPT_POSTFIELDS, s->body.p);
	curl_easy_setopt(s->http.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.n);
	x->used->n_request++;
	x->used->n_retry += s->n_try > 0;
	x->n_reserved += s->n_reserved;
	s->n_try++;
	s->state = SLOT_ACTIVE;
	curl_multi_add_handle(x->multi, s->http.easy);
}

static int give_reply(
    struct http *x, struct slot *s, json_t *reply, const char *why, struct fc_err *e)
{
	s->state = SLOT_FREE;
	free(s->id);
	s->id = NULL;
	return x->asker->take(x->asker->ctx, s->number, reply, why, e);
}

static int give_up(struct http *x, struct slot *s, const char *why, struct fc_err *e)
{
	return give_reply(x, s, NULL, why, e);
}

/* Seconds until the next try: doubling up to a minute, spread so that not all come back at once. */
static double back_off(struct http *x, int n_try)
{
	double delay = x->opt->delay_s * ldexp(1, n_try - 1 < 20 ? n_try - 1 : 20);
	return fmin(delay, 60) * (0.5 + 0.5 * fc_rng_unit(&x->rng));
}

static int try_again(
    struct http *x, struct slot *s, const struct fc_http_outcome *o, struct fc_err *e)
{
	if (s->n_try >= x->opt->n_attempt || x->refused)
		return give_up(x, s, o->why.msg, e);
	if (o->retry_after_s > x->opt->max_wait_s) {
		x->refused = true;
		fc_fail(&x->refusal, "the endpoint asks to wait %.0f s: run it again then",
		    o->retry_after_s);
		return give_up(x, s, o->why.msg, e);
	}
	s->due = fc_now() + fmax(back_off(x, s->n_try), o->retry_after_s);
	if (o->busy)
		x->not_before = fmax(x->not_before, fc_now() + o->retry_after_s);
	s->state = SLOT_WAITING;
	fc_note("%s: %s; again in %.1f s", s->id, o->why.msg, s->due - fc_now());
	return 0;
}

/* The tokens of a request that came to its end: as many as it may have where it did so without a
 * whole reply. */
static uint64_t cost_of(const struct slot *s, CURLcode code, const struct fc_http_outcome *o)
{
	if (!o->worked)
		return 0;
	if (code != CURLE_OK)
		return s->n_reserved;
	return o->n_token ? o->n_token : (s->body.n + s->http.reply.n) / 4;
}

static int finish_slot(struct http *x, struct slot *s, CURLcode code, struct fc_err *e)
{
	struct fc_http_outcome o;
	curl_multi_remove_handle(x->multi, s->http.easy);
	x->n_reserved -= s->n_reserved;
	fc_http_outcome_of(s->http.easy, code, &s->http.reply, x->opt, x->asker, &o);
	x->used->n_token += cost_of(s, code, &o);
	int ret = 0;
	switch (o.result) {
	case FC_HTTP_ANSWERED:
		ret = give_reply(x, s, o.o, NULL, e);
		break;
	case FC_HTTP_AGAIN:
		ret = try_again(x, s, &o, e);
		break;
	case FC_HTTP_NEVER:
		ret = give_up(x, s, o.why.msg, e);
		break;
	case FC_HTTP_REFUSED:
		if (!x->refused)
			x->refusal = o.why;
		x->refused = true;
		ret = give_up(x, s, o.why.msg, e);
		break;
	}
	json_decref(o.o);
	fc_buf_release(&s->http.reply);
	return ret;
}

/* The slot's next request, if there is one. */
static void refill_slot(struct http *x, struct slot *s)
{
	struct fc_http_request r;
	if (x->refused || !is_affordable(x, 0) || !x->asker->next(x->asker->ctx, &r))
		return;
	s->number = r.number;
	s->id = fc_strdup(r.id);
	s->n_try = 0;
	make_body(x, s, r.body);
	/* English text has four bytes a token; the reply may be as long as is allowed */
	s->n_reserved = s->body.n / 4 + (uint64_t)r.max_tokens;
	s->state = SLOT_WAITING;
	s->due = 0;
}

static int n_active(const struct http *x)
{
	int n = 0;
	for (int i = 0; i < x->opt->n_parallel; i++)
		n += x->slot[i].state == SLOT_ACTIVE;
	return n;
}

/* Sends a waiting request whose time has come, or drops it. */
static int send_due(struct http *x, struct slot *s, struct fc_err *e)
{
	if (x->refused)
		return give_up(x, s, x->refusal.msg, e);
	if (is_affordable(x, s->n_reserved)) {
		send_slot(x, s);
		return 0;
	}
	/* Requests on their way may cost less than is reserved for them. */
	if (n_active(x))
		return 0;
	x->used->over_budget = true;
	return give_up(x, s, "the budget is spent", e);
}

/* Sends what is due; *wake: when the next waiting request is. */
static int send_all_due(struct http *x, double *wake, struct fc_err *e)
{
	double now = fc_now();
	*wake = INFINITY;
	for (int i = 0; i < x->opt->n_parallel; i++) {
		struct slot *s = &x->slot[i];
		if (s->state == SLOT_FREE)
			refill_slot(x, s);
		if (s->state != SLOT_WAITING)
			continue;
		double due = x->refused ? 0 : fmax(s->due, x->not_before);
		if (due > now)
			*wake = fmin(*wake, due);
		else if (send_due(x, s, e) < 0)
			return -1;
	}
	return 0;
}

static int collect_transfers(struct http *x, struct fc_err *e)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(x->multi, &left));) {
		for (int i = 0; i < x->opt->n_parallel; i++) {
			struct slot *s = &x->slot[i];
			if (s->http.easy == m->easy_handle && s->state == SLOT_ACTIVE) {
				if (finish_slot(x, s, m->data.result, e) < 0)
					return -1;
				break;
			}
		}
	}
	return 0;
}

static int ask_all(struct http *x, struct fc_err *e)
{
	for (;;) {
		int running;
		double wake;
		if (send_all_due(x, &wake, e) < 0)
			return -1;
		if (!n_active(x) && isinf(wake)) {
			x->used->over_budget |= !is_affordable(x, 0);
			return x->refused ? fc_fail(e, "%s", x->refusal.msg) : 0;
		}
		double wait = fmin(fmax(wake - fc_now(), 0), 1);
		CURLMcode code = curl_multi_perform(x->multi, &running);
		if (code == CURLM_OK)
			code = curl_multi_poll(x->multi, NULL, 0, (int)ceil(wait * 1000), NULL);
		if (code == CURLM_OK)
			code = curl_multi_perform(x->multi, &running);
		if (code != CURLM_OK)
			return fc_fail(e, "HTTP: %s", curl_multi_strerror(code));
		if (collect_transfers(x, e) < 0)
			return -1;
	}
}

int fc_http_run(const struct fc_endpoint *p, const struct fc_http_asker *a,
    struct fc_http_usage *used, struct fc_err *e)
{
	struct http x = {.opt = p, .asker = a, .used = used};
	int ret = set_up(&x, e);
	if (ret == 0)
		ret = ask_all(&x, e);
	tear_down(&x);
	return ret;
}
