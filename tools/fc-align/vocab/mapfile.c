/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/mapfile.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-align/vocab/vocabmap.h"
#include "stream/reader.h"

void align_mapping_release(struct align_mapping *m)
{
	free(m->to);
	free(m->entry);
	*m = (struct align_mapping){0};
}

static int by_source_then_pivot(const void *a, const void *b)
{
	const struct fc_map_entry *x = a, *y = b;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return x->pivot < y->pivot ? -1 : x->pivot > y->pivot;
}

uint64_t align_mapping_count(const struct align_mapping *m, uint32_t source, uint32_t pivot)
{
	struct fc_map_entry key = {.source = source, .pivot = pivot};
	const struct fc_map_entry *e = m->n_entry
	    ? bsearch(&key, m->entry, m->n_entry, sizeof *m->entry, by_source_then_pivot)
	    : NULL;
	return e ? e->count : 0;
}

int align_mapfile_check(const char *path, const struct fc_header *h, uint64_t source_tokenizer,
    uint64_t pivot_tokenizer, size_t n_pivot, struct fc_err *e)
{
	if (h->source_tokenizer != source_tokenizer)
		return fc_fail(e,
		    "%s maps from another tokenizer (%016" PRIx64 ") than the stream's (%016" PRIx64
		    "); make it with fc-align map -s of the model that made the stream",
		    path, h->source_tokenizer, source_tokenizer);
	if (h->tokenizer != pivot_tokenizer)
		return fc_fail(e,
		    "%s maps to another tokenizer (%016" PRIx64 ") than the pivot's (%016" PRIx64
		    "); make it with fc-align map -p of this pivot",
		    path, h->tokenizer, pivot_tokenizer);
	if (h->n_vocab > n_pivot)
		return fc_fail(e, "%s: ids up to %" PRIu32 ", but the pivot has %zu tokens", path,
		    h->n_vocab, n_pivot);
	return 0;
}

/* Sorts the entries and makes one of those between the same tokens. */
static void sum_entries(struct align_mapping *m)
{
	size_t n = 0;
	if (m->n_entry)
		qsort(m->entry, m->n_entry, sizeof *m->entry, by_source_then_pivot);
	for (size_t i = 0; i < m->n_entry; i++) {
		struct fc_map_entry *to = n ? &m->entry[n - 1] : NULL, *one = &m->entry[i];
		if (!to || by_source_then_pivot(to, one) != 0) {
			m->entry[n++] = *one;
			continue;
		}
		to->count += one->count;
		if (one->chosen && (!to->chosen || one->rule < to->rule))
			to->rule = one->rule;
		to->chosen = to->chosen || one->chosen;
	}
	m->n_entry = n;
}

static bool wins_over(const struct fc_map_entry *a, const struct fc_map_entry *b)
{
	if (a->count != b->count)
		return a->count > b->count;
	return a->count == 0 && a->chosen && !b->chosen;
}

/* The entries of one source token; -1: its choice cannot be made from counts. */
static int decide_one(struct align_mapping *m, const struct fc_map_entry *v, size_t n)
{
	const struct fc_map_entry *best = NULL;
	uint8_t rule = FC_N_MAP_RULE;
	size_t n_chosen = 0;
	for (size_t i = 0; i < n; i++) {
		n_chosen += v[i].chosen;
		if (v[i].chosen && v[i].rule < rule)
			rule = v[i].rule;
	}
	for (size_t i = 0; i < n; i++) {
		/* by the published formula the likeliest need not be the most frequent */
		bool may = rule == FC_MAP_PUBLISHED ? v[i].chosen : v[i].rule == rule;
		if (may && (!best || wins_over(&v[i], best)))
			best = &v[i];
	}
	if (!best)
		return 0;
	if (rule == FC_MAP_PUBLISHED && n_chosen > 1)
		return -1;
	m->to[best->source] = best->pivot;
	m->by[rule]++;
	return 0;
}

static int decide_all(struct align_mapping *m, const char *name, struct fc_err *e)
{
	size_t n;
	for (size_t i = 0; i < m->n; i++)
		m->to[i] = ALIGN_UNMAPPED;
	for (size_t i = 0; i < m->n_entry; i += n) {
		for (n = 1; i + n < m->n_entry && m->entry[i + n].source == m->entry[i].source;)
			n++;
		if (decide_one(m, m->entry + i, n) < 0)
			return fc_fail(e,
			    "%s: its parts chose differently for source token %" PRIu32
			    " by the published formula; put them together with fc-align map "
			    "--merge",
			    name, m->entry[i].source);
	}
	return 0;
}

int align_mapfile_read(
    const char *path, bool decide, struct align_mapping *m, struct fc_header *h, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_map_part part;
	enum fc_read got;
	size_t cap = 0;
	*m = (struct align_mapping){0};
	if (fc_reader_open(&r, path, FC_KIND_MAP, e) < 0)
		return -1;
	*m = (struct align_mapping){.n = fc_reader_header(r)->source_n_vocab};
	m->to = FC_ARRAY(uint32_t, m->n + 1);
	while ((got = fc_reader_map(r, &part, e)) == FC_READ_RECORD) {
		FC_GROW(m->entry, cap, m->n_entry + part.n);
		for (size_t i = 0; i < part.n; i++)
			m->entry[m->n_entry++] = part.entry[i];
	}
	sum_entries(m);
	int rc = got == FC_READ_END ? 0 : -1;
	if (rc == 0 && decide)
		rc = decide_all(m, fc_reader_name(r), e);
	fc_header_copy(h, fc_reader_header(r));
	if (rc < 0)
		align_mapping_release(m);
	fc_reader_close(r);
	return rc;
}

void align_mapping_identity(struct align_mapping *m, size_t n_vocab)
{
	*m = (struct align_mapping){.to = FC_ARRAY(uint32_t, n_vocab + 1), .n = n_vocab};
	for (size_t i = 0; i < n_vocab; i++)
		m->to[i] = (uint32_t)i;
}
