/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-view/from_jsonl.h"
#include "fc-view/view.h"

static const char *const known[] = {"id", "meta", "text", "segments", "tokens", "pieces", "ends",
    "trained", "roles", "parts", "rows", "n_sample", "sample_temperature", "nll", "n_label",
    "label_bytes", "source", "unknown", NULL};
static const char *const known_segment[] = {"end", "role", "part", "trained", NULL};
static const char *const known_row[] = {"token", "true_logprob", "ids", "pieces", "logprobs", NULL};

static int read_texts(
    const struct view_place *at, const json_t *o, struct fc_example *x, struct fc_err *e)
{
	const json_t *id = json_object_get(o, "id"), *meta = json_object_get(o, "meta"),
		     *text = json_object_get(o, "text");
	if (json_is_integer(id))
		fc_buf_addf(&x->id, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else if (json_is_string(id))
		fc_buf_add(&x->id, json_string_value(id), json_string_length(id));
	else
		return view_member_fail(at, "id", id, "a string or a whole number", e);
	if (json_is_object(meta)) {
		fc_json_dump(&x->meta, meta);
	} else if (json_is_string(meta)) { /* JSON text that is kept to the byte */
		fc_buf_add(&x->meta, json_string_value(meta), json_string_length(meta));
	} else if (meta && !json_is_null(meta)) {
		return view_member_fail(at, "meta", meta, "an object or null", e);
	}
	if (!json_is_string(text))
		return view_member_fail(at, "text", text, "a string", e);
	fc_buf_add(&x->text, json_string_value(text), json_string_length(text));
	return view_member_get_bytes(at, o, "unknown", &x->unknown, e);
}

static int read_segments(
    const struct view_place *at, const json_t *o, struct fc_example *x, struct fc_err *e)
{
	const json_t *list;
	if (view_member_get_list(at, o, "segments", &list, e) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct view_place in = {at->line, "segments", i};
		const json_t *v = json_array_get(list, i);
		uint64_t end = 0;
		unsigned role = FC_ROLE_NONE, part = FC_PART_CONTENT;
		bool trained = false;
		if (!json_is_object(v))
			return view_member_fail(&in, "end", NULL, "an object with an end", e);
		if (view_member_check_names(&in, v, known_segment, e) < 0 ||
		    view_member_need_whole(&in, v, "end", x->text.n, &end, e) < 0 ||
		    view_member_get_word(&in, v, "role", view_role_words, &role, e) < 0 ||
		    view_member_get_word(&in, v, "part", view_part_words, &part, e) < 0 ||
		    view_member_get_truth(&in, v, "trained", &trained, e) < 0)
			return -1;
		fc_example_add_segment(x, (uint32_t)end, FC_TOK_FLAGS(trained, role, part));
	}
	return 0;
}

/* A list beside tokens; *list is NULL where it is missing. */
static int get_beside(const struct view_place *at, const json_t *o, const char *key, size_t n,
    const json_t **list, struct fc_err *e)
{
	if (view_member_get_list(at, o, key, list, e) < 0)
		return -1;
	if (*list && json_array_size(*list) != n)
		return fc_fail(e, "%s: %s: as many as tokens are expected, %zu, these are %zu",
		    at->line, key, n, json_array_size(*list));
	return 0;
}

/* The flags of the segment in which the token after this one's begins; segment *i or a later one.
 * Nothing predicts the first token. */
static uint8_t flags_of_segment(const struct fc_example *x, size_t *i)
{
	const uint32_t start = x->n_tok ? x->end[x->n_tok - 1] : 0;
	while (*i + 1 < x->n_seg && x->seg[*i].end <= start)
		++*i;
	if (!x->n_seg)
		return FC_TOK_FLAGS(false, FC_ROLE_NONE, FC_PART_CONTENT);
	const uint8_t flags = x->seg[*i].flags;
	return x->n_tok ? flags : flags & (uint8_t)~FC_TOK_TRAINED;
}

static int read_tokens(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	const json_t *ids, *ends, *trained, *roles, *parts;
	if (view_member_get_list(at, o, "tokens", &ids, e) < 0)
		return -1;
	if (!ids)
		return view_member_fail(at, "tokens", NULL, "a list of ids", e);
	const size_t n = json_array_size(ids);
	if (get_beside(at, o, "ends", n, &ends, e) < 0 ||
	    get_beside(at, o, "trained", n, &trained, e) < 0 ||
	    get_beside(at, o, "roles", n, &roles, e) < 0 ||
	    get_beside(at, o, "parts", n, &parts, e) < 0)
		return -1;
	if (!ends)
		return view_member_fail(
		    at, "ends", NULL, "a list with the byte at which each token ends", e);
	fc_example_reserve(x, n, 0, 0);
	for (size_t t = 0, segment = 0; t < n; t++) {
		uint32_t id, end;
		unsigned role = FC_ROLE_NONE, part = FC_PART_CONTENT;
		bool learned = false;
		if (view_item_whole(at, "tokens", ids, t, h->n_vocab - 1, &id, e) < 0 ||
		    view_item_whole(at, "ends", ends, t, x->text.n, &end, e) < 0 ||
		    (trained && view_item_truth(at, "trained", trained, t, &learned, e) < 0) ||
		    (roles &&
			view_item_word(at, "roles", roles, t, view_role_words, &role, e) < 0) ||
		    (parts && view_item_word(at, "parts", parts, t, view_part_words, &part, e) < 0))
			return -1;
		fc_example_add_token(x, id, end,
		    trained || roles || parts ? FC_TOK_FLAGS(learned, role, part)
					      : flags_of_segment(x, &segment));
	}
	return 0;
}

struct entry {
	float logprob;
	uint32_t id;
};

static int falling(const void *a, const void *b)
{
	const struct entry *p = a, *q = b;
	if (p->logprob != q->logprob)
		return p->logprob < q->logprob ? 1 : -1;
	return p->id < q->id ? -1 : p->id > q->id;
}

/* The row's entries, sorted; the caller's to free(), NULL on error. */
static struct entry *read_entries(const struct view_place *at, const json_t *v, size_t *n,
    const struct fc_header *h, struct fc_err *e)
{
	const json_t *ids, *logprobs;
	if (view_member_get_list(at, v, "ids", &ids, e) < 0 ||
	    view_member_get_list(at, v, "logprobs", &logprobs, e) < 0)
		return NULL;
	*n = json_array_size(ids);
	if (!ids || !logprobs || *n != json_array_size(logprobs)) {
		view_member_fail(at, ids ? "logprobs" : "ids", ids ? logprobs : NULL,
		    "a list, ids and logprobs of one length,", e);
		return NULL;
	}
	struct entry *entry = FC_ARRAY(struct entry, *n + 1);
	for (size_t i = 0; i < *n; i++) {
		const json_t *p = json_array_get(logprobs, i);
		const double value = json_number_value(p);
		if (view_item_whole(at, "ids", ids, i, fc_header_n_output(h) - 1, &entry[i].id, e) <
		    0)
			goto failed;
		if (!json_is_number(p) || !(value <= 0.001)) {
			view_member_fail(at, "logprobs", p,
			    "a natural logarithm of a probability, 0 or less,", e);
			goto failed;
		}
		entry[i].logprob = (float)value;
	}
	qsort(entry, *n, sizeof *entry, falling);
	return entry;
failed:
	free(entry);
	return NULL;
}

/* What the row says of its own token. */
static int read_truth(const struct view_place *at, const json_t *v, uint32_t tok,
    const struct entry *entry, size_t n, double *truth, struct fc_err *e)
{
	const json_t *given = json_object_get(v, "true_logprob");
	*truth = json_number_value(given);
	if (given && (!json_is_number(given) || !(*truth <= 0.001)))
		return view_member_fail(at, "true_logprob", given,
		    "a natural logarithm of a probability, 0 or less,", e);
	if (given)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (entry[i].id == tok) {
			*truth = (double)entry[i].logprob;
			return 0;
		}
	}
	return view_member_fail(
	    at, "true_logprob", NULL, "a number, as the token is none of the row's ids,", e);
}

static int read_row(const struct view_place *at, const json_t *v, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	uint64_t token = 0;
	size_t n;
	double truth;
	if (!json_is_object(v))
		return view_member_fail(at, "token", NULL, "an object with a token", e);
	if (view_member_check_names(at, v, known_row, e) < 0 ||
	    view_member_need_whole(at, v, "token", UINT32_MAX, &token, e) < 0)
		return -1;
	if (token == 0 || token >= x->n_tok || (x->n_row && token <= x->row_tok[x->n_row - 1]))
		return view_member_fail(at, "token", json_object_get(v, "token"),
		    "the place of a token that a row can predict: 1 or more, below the number of "
		    "tokens and above the row's before",
		    e);
	struct entry *entry = read_entries(at, v, &n, h, e);
	if (!entry)
		return -1;
	int ret = read_truth(at, v, x->tok[token], entry, n, &truth, e);
	if (ret == 0) {
		uint32_t *id = FC_ARRAY(uint32_t, n + 1);
		float *logprob = FC_ARRAY(float, n + 1);
		for (size_t i = 0; i < n; i++)
			id[i] = entry[i].id, logprob[i] = entry[i].logprob;
		fc_example_add_row(x, (uint32_t)token, n, id, logprob, (float)truth);
		free(id);
		free(logprob);
	}
	free(entry);
	return ret;
}

static int read_rows(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	const json_t *list;
	if (h->kind != FC_KIND_DISTS && json_object_get(o, "rows"))
		return fc_fail(e, "%s: rows: the header's kind is not \"dists\"", at->line);
	if (view_member_get_list(at, o, "rows", &list, e) < 0)
		return -1;
	if (!list && h->kind == FC_KIND_DISTS)
		return view_member_fail(at, "rows", NULL, "a list", e);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct view_place in = {at->line, "rows", i};
		if (read_row(&in, json_array_get(list, i), h, x, e) < 0)
			return -1;
	}
	return 0;
}

static void sum_labels(struct fc_example *x)
{
	for (size_t r = 0; r < x->n_row; r++) {
		const uint32_t t = x->row_tok[r];
		if (!fc_example_trained(x, t))
			continue;
		x->nll -= (double)x->true_logprob[r];
		x->n_label++;
		x->label_bytes += x->end[t] - fc_example_start(x, t);
	}
	x->nll = fmax(x->nll, 0); /* a softmax may have been rounded up */
}

static int read_numbers(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	uint32_t n_sample = h->n_sample;
	double temperature = h->sample_temperature;
	if (view_member_get_real(at, o, "nll", &x->nll, e) < 0 ||
	    view_member_get_u32(at, o, "n_label", UINT32_MAX, &x->n_label, e) < 0 ||
	    view_member_get_u32(at, o, "label_bytes", UINT32_MAX, &x->label_bytes, e) < 0 ||
	    view_member_get_u32(at, o, "n_sample", FC_MAX_DRAWS, &n_sample, e) < 0 ||
	    view_member_get_real(at, o, "sample_temperature", &temperature, e) < 0)
		return -1;
	if (n_sample != h->n_sample)
		return view_member_fail(
		    at, "n_sample", json_object_get(o, "n_sample"), "what the header says", e);
	if (temperature != h->sample_temperature)
		return view_member_fail(at, "sample_temperature",
		    json_object_get(o, "sample_temperature"), "what the header says", e);
	if (!json_object_get(o, "nll") && !json_object_get(o, "n_label") &&
	    !json_object_get(o, "label_bytes"))
		sum_labels(x);
	return 0;
}

static int read_source(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	const char *name = NULL;
	if (view_member_get_text(at, o, "source", &name, e) < 0)
		return -1;
	if (!name && h->n_source <= 1)
		return 0;
	for (uint32_t i = 0; name && i < h->n_source; i++) {
		if (!strcmp(h->source[i].name, name)) {
			x->source = i;
			return 0;
		}
	}
	return view_member_fail(at, "source", json_object_get(o, "source"),
	    "the name of one of the header's sources", e);
}

int view_example_line_read(const struct view_place *at, const json_t *o, const struct fc_header *h,
    struct fc_example *x, struct fc_err *e)
{
	fc_example_clear(x);
	if (view_member_check_names(at, o, known, e) < 0 || read_texts(at, o, x, e) < 0 ||
	    read_segments(at, o, x, e) < 0 || read_tokens(at, o, h, x, e) < 0 ||
	    read_rows(at, o, h, x, e) < 0 || read_numbers(at, o, h, x, e) < 0)
		return -1;
	return read_source(at, o, h, x, e);
}
