/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/mem.h"
#include "stream/plane.h"
#include "stream/record.h"

enum { CHOSEN = 0x80 };

const char *fc_map_rule_name(enum fc_map_rule r)
{
	static const char *const name[FC_N_MAP_RULE] = {
	    "none", "role", "bytes", "count", "first", "near", "published"};
	return r < FC_N_MAP_RULE ? name[r] : "?";
}

int fc_pack_map(struct fc_packer *p, struct fc_buf *out, const struct fc_header *h,
    const struct fc_map_entry *entry, size_t n, struct fc_err *e)
{
	Fc__MapPart m = FC__MAP_PART__INIT;
	uint8_t *rule;
	uint32_t *source, *pivot, *count, *high;
	fc_buf_clear(&p->planes);
	p->n_plane = 0;
	fc_buf_reserve(&p->planes, n * (4 + 4 + 8 + 1) + 1);
	FC_GROW(p->value, p->cap_value, 4 * n + 1); /* never NULL: pointers into it are computed */
	source = p->value;
	pivot = source + n;
	count = pivot + n;
	high = count + n;
	for (size_t i = 0; i < n; i++) {
		if (entry[i].source >= h->source_n_vocab || entry[i].pivot >= h->n_vocab)
			return fc_fail(e,
			    "map entry %" PRIu32 " -> %" PRIu32 " is outside the vocabularies",
			    entry[i].source, entry[i].pivot);
		source[i] = entry[i].source;
		pivot[i] = entry[i].pivot;
		count[i] = (uint32_t)entry[i].count;
		high[i] = (uint32_t)(entry[i].count >> 32);
	}
	uint32_t max_high = fc_plane_max(high, n);
	m.n_entry = (uint32_t)n;
	m.source = fc_put_planes(p, source, n, fc_plane_width(h->source_n_vocab - 1));
	m.pivot = fc_put_planes(p, pivot, n, fc_plane_width(h->n_vocab - 1));
	m.count = fc_put_planes(p, count, n, max_high ? 4 : fc_plane_width(fc_plane_max(count, n)));
	if (max_high)
		m.count.len += fc_put_planes(p, high, n, fc_plane_width(max_high)).len;
	rule = (uint8_t *)p->planes.p + p->planes.n;
	for (size_t i = 0; i < n; i++)
		rule[i] = (uint8_t)(entry[i].rule | (entry[i].chosen ? CHOSEN : 0));
	m.rule = (ProtobufCBinaryData){n, rule};
	p->planes.n += n;
	fc_pack_record(p, out, FC__RECORD__KIND_MAP, &m.base, NULL);
	return 0;
}

/* Streams of version 1.0 have no rules: there every entry is a choice. */
static int get_rules(
    struct fc_map_entry *entry, size_t n, const ProtobufCBinaryData *rule, struct fc_err *e)
{
	if (rule->len && rule->len != n)
		return fc_fail(e, "%zu rules for %zu map entries", rule->len, n);
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = rule->len ? rule->data[i] : CHOSEN | FC_MAP_COUNT;
		entry[i].rule = byte & (CHOSEN - 1);
		entry[i].chosen = byte & CHOSEN;
		if (entry[i].rule >= FC_N_MAP_RULE)
			return fc_fail(e, "a map entry of unknown rule %d", entry[i].rule);
	}
	return 0;
}

/* Counts have up to 8 planes; those from the fifth on are the high word's. */
static int get_counts(
    uint32_t *low, uint32_t *high, const Fc__MapPart *m, size_t n, struct fc_err *e)
{
	size_t width = n ? m->count.len / n : 0;
	if (width <= 4)
		return fc_get_planes(low, &m->count, n, "counts", e);
	if (width > 8 || m->count.len != n * width)
		return fc_fail(e, "counts: %zu bytes for %zu values", m->count.len, n);
	ProtobufCBinaryData part[2] = {
	    {4 * n, m->count.data}, {m->count.len - 4 * n, m->count.data + 4 * n}};
	if (fc_get_planes(low, &part[0], n, "counts", e) < 0)
		return -1;
	return fc_get_planes(high, &part[1], n, "counts", e);
}

int fc_unpack_map(struct fc_packer *p, const struct fc_header *h, struct fc_map_entry **entry,
    size_t *cap, const Fc__MapPart *m, struct fc_err *e)
{
	size_t n = m->n_entry;
	if (m->source.len < n)
		return fc_fail(e, "%zu map entries in %zu bytes", n, m->source.len);
	FC_GROW(p->value, p->cap_value, 4 * n + 1); /* never NULL: pointers into it are computed */
	FC_GROW(*entry, *cap, n);
	uint32_t *source = p->value, *pivot = source + n, *count = pivot + n, *high = count + n;
	for (size_t i = 0; i < n; i++)
		high[i] = 0;
	if (fc_get_planes(source, &m->source, n, "source ids", e) < 0 ||
	    fc_get_planes(pivot, &m->pivot, n, "pivot ids", e) < 0 ||
	    get_counts(count, high, m, n, e) < 0)
		return -1;
	if (n &&
	    (fc_plane_max(source, n) >= h->source_n_vocab || fc_plane_max(pivot, n) >= h->n_vocab))
		return fc_fail(e, "a map entry outside the vocabularies");
	for (size_t i = 0; i < n; i++)
		(*entry)[i] = (struct fc_map_entry){.source = source[i],
		    .pivot = pivot[i],
		    .count = (uint64_t)high[i] << 32 | count[i]};
	return get_rules(*entry, n, &m->rule, e);
}
