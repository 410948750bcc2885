/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/train_example.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

size_t train_example_data_bytes(const struct train_example_size *z)
{
	size_t words = (size_t)z->n_tok + z->n_row + z->n_row + 1 + (size_t)2 * z->n_entry;
	return z->n_ref * sizeof(struct train_reference) + words * 4 + z->n_tok + z->n_id + 1;
}

struct train_example *train_example_alloc(const struct train_example_size *z)
{
	struct train_example *s = fc_malloc(sizeof *s + train_example_data_bytes(z));
	s->size = *z;
	s->next = NULL;
	s->ref = (struct train_reference *)(void *)s->data;
	s->tok = (uint32_t *)(void *)(s->ref + z->n_ref);
	s->row_tok = s->tok + z->n_tok;
	s->row_off = s->row_tok + z->n_row;
	s->entry_id = s->row_off + z->n_row + 1;
	s->entry_logprob = (float *)(void *)(s->entry_id + z->n_entry);
	s->label = (uint8_t *)(s->entry_logprob + z->n_entry);
	s->id = (char *)(s->label + z->n_tok);
	return s;
}

void train_example_free(struct train_example *s)
{
	while (s) {
		struct train_example *next = s->next;
		free(s);
		s = next;
	}
}

uint64_t train_example_tokens(const struct train_example *s)
{
	uint64_t n = 0;
	for (; s; s = s->next)
		n += s->size.n_tok;
	return n;
}

uint64_t train_example_hash(const struct train_example *s, uint64_t hash)
{
	for (; s; s = s->next)
		hash = fc_hash(s->data, train_example_data_bytes(&s->size), hash);
	return hash;
}

static const char *example_id(const struct fc_example *x)
{
	return x->id.p ? x->id.p : "";
}

static int check_tokens(const struct fc_example *x, const struct train_example_rule *rule,
    const char *name, struct fc_err *e)
{
	for (size_t t = 0; t < x->n_tok; t++)
		if (x->tok[t] >= rule->n_output)
			return fc_fail(e,
			    "%s: conversation '%s': token %zu is %" PRIu32
			    ", the model has %" PRIu32 " rows of embeddings",
			    name, example_id(x), t, x->tok[t], rule->n_output);
	return 0;
}

/* log-probabilities may exceed 0 by the rounding of the stream's coding */
#define MAX_LOGPROB 0.01f

static int check_rows(const struct fc_example *x, const struct train_example_rule *rule,
    const char *name, struct fc_err *e)
{
	for (size_t r = 0; r < x->n_row; r++) {
		if (x->row_tok[r] == 0 || x->row_tok[r] >= x->n_tok)
			return fc_fail(e,
			    "%s: conversation '%s': row %zu predicts token %" PRIu32 " of %zu",
			    name, example_id(x), r, x->row_tok[r], x->n_tok);
		if (!isfinite(x->true_logprob[r]) || x->true_logprob[r] > MAX_LOGPROB)
			return fc_fail(e,
			    "%s: conversation '%s': row %zu holds the log-probability %g of its "
			    "token",
			    name, example_id(x), r, (double)x->true_logprob[r]);
		for (uint32_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
			if (x->entry_id[i] >= rule->n_output)
				return fc_fail(e,
				    "%s: conversation '%s': row %zu holds id %" PRIu32
				    ", the model has %" PRIu32
				    " outputs; fc-align apply -p of the model leaves such ids out",
				    name, example_id(x), r, x->entry_id[i], rule->n_output);
			if (!isfinite(x->entry_logprob[i]) || x->entry_logprob[i] > MAX_LOGPROB)
				return fc_fail(e,
				    "%s: conversation '%s': row %zu holds the log-probability %g",
				    name, example_id(x), r, (double)x->entry_logprob[i]);
		}
	}
	return 0;
}

static bool is_label(const struct fc_example *x, size_t t)
{
	return t > 0 && fc_example_trained(x, t);
}

/* Is the token that row r predicts outside it? */
static bool is_outside(const struct fc_example *x, size_t r)
{
	const uint32_t tok = x->tok[x->row_tok[r]];
	for (uint32_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		if (x->entry_id[i] == tok)
			return false;
	return true;
}

static bool adds_label(const struct fc_example *x, size_t r, const struct train_example_rule *rule)
{
	return rule->list_labels && is_outside(x, r);
}

static struct train_example_size measure_example(
    const struct fc_example *x, const struct train_example_rule *rule)
{
	struct train_example_size z = {.n_id = (uint32_t)x->id.n};
	z.n_tok = x->n_tok < rule->max_tok ? (uint32_t)x->n_tok : rule->max_tok;
	for (size_t t = 0; t < z.n_tok; t++) {
		if (is_label(x, t)) {
			z.n_label++;
			z.label_bytes += x->end[t] - fc_example_start(x, t);
		}
	}
	for (size_t r = 0; rule->rows && r < x->n_row && x->row_tok[r] < z.n_tok; r++) {
		uint32_t n = x->row_off[r + 1] - x->row_off[r];
		z.n_row += n > 0;
		z.n_taught += n > 0 && is_label(x, x->row_tok[r]);
		z.n_entry += n + (n > 0 && adds_label(x, r, rule));
	}
	return z;
}

static uint64_t count_unused(const struct fc_example *x, const struct train_example_rule *rule)
{
	uint64_t n = 0;
	for (size_t r = 0; !rule->rows && r < x->n_row; r++)
		n += x->row_off[r + 1] > x->row_off[r];
	return n;
}

static void count_rows(const struct fc_example *x, const struct train_example_size *z,
    struct train_example_count *count)
{
	for (size_t r = 0; z->n_row && r < x->n_row && x->row_tok[r] < z->n_tok; r++) {
		if (x->row_off[r] == x->row_off[r + 1])
			continue;
		count->n_outside += is_outside(x, r);
		for (uint32_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
			count->listed += exp((double)x->entry_logprob[i]);
	}
}

static void fill_example(
    struct train_example *s, const struct fc_example *x, const struct train_example_rule *rule)
{
	const struct train_example_size *z = &s->size;
	uint32_t n_row = 0, n_entry = 0;
	memcpy(s->tok, x->tok, z->n_tok * sizeof *s->tok);
	for (size_t t = 0; t < z->n_tok; t++)
		s->label[t] = is_label(x, t);
	memcpy(s->id, example_id(x), z->n_id);
	s->id[z->n_id] = 0;
	s->row_off[0] = 0;
	for (size_t r = 0; n_row < z->n_row; r++) {
		uint32_t from = x->row_off[r], n = x->row_off[r + 1] - from;
		if (n == 0)
			continue;
		memcpy(s->entry_id + n_entry, x->entry_id + from, n * sizeof *s->entry_id);
		memcpy(s->entry_logprob + n_entry, x->entry_logprob + from, n * sizeof(float));
		n_entry += n;
		if (adds_label(x, r, rule)) {
			s->entry_id[n_entry] = x->tok[x->row_tok[r]];
			s->entry_logprob[n_entry++] = x->true_logprob[r];
		}
		s->row_tok[n_row] = x->row_tok[r];
		s->row_off[++n_row] = n_entry;
	}
}

static int make_example(struct train_example **s, const struct fc_example *x,
    const struct train_example_rule *rule, const struct train_reference *ref, uint32_t n_ref,
    const char *name, struct train_example_count *count, struct fc_err *e)
{
	*s = NULL;
	if (check_tokens(x, rule, name, e) < 0 || check_rows(x, rule, name, e) < 0)
		return -1;
	struct train_example_size z = measure_example(x, rule);
	count->n_truncated += x->n_tok > z.n_tok;
	if (!z.n_label && !z.n_row) {
		count->n_useless++;
		return 0;
	}
	z.n_ref = n_ref;
	*s = train_example_alloc(&z);
	fill_example(*s, x, rule);
	if (n_ref)
		memcpy((*s)->ref, ref, n_ref * sizeof *ref);
	count->n_example++;
	count->n_tok += z.n_tok;
	count->n_label += z.n_label;
	count->n_row += z.n_row;
	count->n_unused += count_unused(x, rule);
	count_rows(x, &z, count);
	return 1;
}

int train_example_new(struct train_example **s, const struct fc_example *x,
    const struct train_example_rule *rule, const char *name, struct train_example_count *count,
    struct fc_err *e)
{
	return make_example(s, x, rule, NULL, 0, name, count, e);
}

int train_example_new_side(struct train_example **s, const struct fc_example *x,
    const struct train_example_rule *rule, const struct train_reference *ref, uint32_t n_ref,
    const char *name, struct train_example_count *count, struct fc_err *e)
{
	if (x->n_tok > rule->max_tok) {
		*s = NULL;
		return fc_fail(e,
		    "%s: conversation '%s' has %zu tokens, the limit is %" PRIu32
		    ", and the references are of all of it; use a larger --max-length, or cut it "
		    "in fc-infer (--long truncate)",
		    name, example_id(x), x->n_tok, rule->max_tok);
	}
	return make_example(s, x, rule, ref, n_ref, name, count, e);
}
