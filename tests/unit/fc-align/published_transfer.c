/* SPDX-License-Identifier: Apache-2.0 */
/* The published transfers, by the worked cases 03 (FuseChat 2), 04 (FuseChat 1) and 05 (FuseLLM).
 */
#include "fc-align/apply/published_transfer.h"

#include "cases.h"

struct setting {
	const char *key; /* of the expected result */
	enum align_published_mode mode;
	bool current; /* the fallback is the current token, not the next */
};

/* A case's sequences, and everything that its vocabularies give. */
struct given {
	enum align_published version;
	struct align_vocab source_vocab, pivot_vocab;
	struct align_wording source, pivot;
	struct align_mapping map;
	uint32_t src[32], piv[32];
	size_t n, m;
	struct fc_example x;
	uint32_t row_of[32];
	struct align_dtw_span span[32];
};

/* What decoding each token of a vocabulary gives, as far as the case says. */
static const char **decoded_of(
    const struct align_vocab *v, const json_t *tokens, const json_t *decoded)
{
	const char **text = FC_ARRAY(const char *, v->n + 1);
	for (size_t i = 0; i < v->n; i++) {
		text[i] = v->word[i].piece;
		for (size_t k = 0; k < cases_n(decoded); k++)
			if (!strcmp(cases_str_at(tokens, k), text[i])) {
				text[i] = cases_str_at(decoded, k);
				break;
			}
	}
	return text;
}

/* The map by which a mode goes: case 05 gives FuseLLM's as strings. */
static void make_map(
    struct given *g, const json_t *source, const json_t *strings, const json_t *counts)
{
	const json_t *to = cases_get(source, "to_pivot");
	const char *mark = cases_str(source, "mark");
	g->map = (struct align_mapping){
	    .to = FC_ARRAY(uint32_t, g->source_vocab.n), .n = g->source_vocab.n};
	for (size_t i = 0; i < g->map.n; i++)
		g->map.to[i] = cases_int_at(to, i);
	for (size_t i = 0; strings && i < g->map.n; i++) {
		char key[100];
		const char *piece = g->source_vocab.word[i].piece, *at = strstr(piece, mark);
		snprintf(key, sizeof key, "%s%s", at == piece ? "\u2581" : "",
		    at == piece ? piece + strlen(mark) : piece);
		const char *want = cases_str(strings, key);
		for (uint32_t k = 0; want && k < g->pivot_vocab.n; k++)
			if (!strcmp(g->pivot_vocab.word[k].piece, want))
				g->map.to[i] = k;
	}
	g->map.entry = FC_ARRAY(struct fc_map_entry, cases_n(counts) + 1);
	/* sorted by source, then pivot, as fc_map wants it */
	for (uint32_t s = 0; s < g->source_vocab.n; s++)
		for (uint32_t p = 0; p < g->pivot_vocab.n; p++)
			for (size_t k = 0; k < cases_n(counts); k++) {
				const json_t *c = json_array_get(counts, k);
				if (cases_int_at(c, 0) == p && cases_int_at(c, 1) == s)
					g->map.entry[g->map.n_entry++] =
					    (struct fc_map_entry){.source = s,
						.pivot = p,
						.count = (uint64_t)cases_real_at(c, 2)};
			}
}

static void make_rows(struct given *g, const json_t *c)
{
	const json_t *logits = cases_get(c, "source_logits"), *ids = cases_get(c, "source_indices");
	fc_example_init(&g->x);
	for (uint32_t j = 0; j < g->n; j++) {
		const json_t *row = json_array_get(logits, j), *id_row = json_array_get(ids, j);
		uint32_t id[16];
		float value[16];
		for (size_t i = 0; i < cases_n(row); i++) {
			id[i] = cases_int_at(id_row, i);
			value[i] = (float)cases_real_at(row, i);
		}
		fc_example_add_row(&g->x, j + 1, cases_n(row), id, value, 0);
		g->row_of[j] = j;
	}
}

static void make_given(
    struct given *g, enum align_published version, const json_t *meta, const json_t *c)
{
	const json_t *source = cases_get(cases_get(meta, "sources"), cases_str(c, "source"));
	const json_t *p_ids = cases_get(c, "pivot_ids"), *s_ids = cases_get(c, "source_ids");
	const char *mark = cases_str(source, "mark"), *pivot_mark = cases_str(meta, "pivot_mark");
	*g = (struct given){.version = version, .n = cases_n(s_ids), .m = cases_n(p_ids)};
	g->source_vocab = cases_vocab(cases_get(source, "vocab"));
	g->pivot_vocab = cases_vocab(cases_get(meta, "pivot_vocab"));
	const char **s_text = decoded_of(
	    &g->source_vocab, cases_get(c, "source_tokens"), cases_get(c, "source_decoded"));
	const char **p_text = decoded_of(
	    &g->pivot_vocab, cases_get(c, "pivot_tokens"), cases_get(c, "pivot_decoded"));
	align_wording_init(&g->source, version, &g->source_vocab, s_text, mark, pivot_mark);
	align_wording_init(&g->pivot, version, &g->pivot_vocab, p_text, pivot_mark, pivot_mark);
	free(s_text);
	free(p_text);
	make_map(g, source, cases_get(cases_get(meta, "string_maps"), cases_str(c, "source")),
	    cases_get(c, "count_matrix_nonzero"));
	make_rows(g, c);
	for (size_t j = 0; j < g->n; j++)
		g->src[j] = cases_int_at(s_ids, j);
	for (size_t p = 0; p < g->m; p++)
		g->piv[p] = cases_int_at(p_ids, p);
	struct align_dtw *d = align_dtw_new(version, &g->source, &g->pivot);
	align_dtw_align(d, g->src, g->n, g->piv, g->m, g->span);
	align_dtw_free(d);
}

static void release_given(struct given *g)
{
	align_mapping_release(&g->map);
	align_wording_release(&g->source);
	align_wording_release(&g->pivot);
	fc_example_release(&g->x);
	free(g->source_vocab.word);
	free(g->pivot_vocab.word);
}

/* The same entries, in any order. */
static bool same_row(const struct align_published_row *got, const json_t *logits, const json_t *ids)
{
	bool same = got->n == cases_n(logits);
	for (size_t i = 0; same && i < got->n; i++) {
		bool found = false;
		for (size_t k = 0; k < got->n; k++)
			found = found ||
			    (cases_int_at(ids, k) == got->id[i] &&
				fabs(cases_real_at(logits, k) - (double)got->value[i]) < 1e-5);
		same = found;
	}
	return same;
}

/* KeyError and the like: there the reference ends, and the rule goes on. */
static void test_setting(
    const struct given *g, const json_t *c, const struct setting *s, int *n_row)
{
	const json_t *want = cases_get(c, s->key);
	if (!want || cases_get(want, "error"))
		return;
	const json_t *logits = cases_get(want, "logits"), *ids = cases_get(want, "indices");
	struct align_published_transfer_options o = {
	    g->version, s->mode, true, g->pivot_vocab.n, 100};
	struct align_published_transfer *k =
	    align_published_transfer_new(&o, &g->source, &g->pivot, &g->map);
	bool same = cases_n(logits) == g->m;
	for (size_t p = 0; same && p < g->m; p++) {
		struct align_published_row got = align_published_transfer_position(
		    k, g->piv, p, g->src, g->span[p], &g->x, g->row_of);
		uint32_t id = g->piv[s->current || p + 1 == g->m ? p : p + 1];
		float one = 1;
		if (got.what == ALIGN_PUBLISHED_NONE)
			got = (struct align_published_row){ALIGN_PUBLISHED_NONE, 1, &id, &one};
		else
			++*n_row;
		same = same_row(&got, json_array_get(logits, p), json_array_get(ids, p));
		if (!same)
			printf("# position %zu\n", p);
	}
	T_OK(same, "%s: %s", s->key, cases_str(c, "name"));
	align_published_transfer_free(k);
}

static void test_file(
    const char *file, enum align_published version, const struct setting *s, size_t n)
{
	json_t *o = cases_open(file);
	int n_row = 0;
	if (!o)
		return;
	const json_t *cases = cases_get(o, "cases");
	for (size_t i = 0; i < cases_n(cases); i++) {
		struct given g;
		make_given(&g, version, cases_get(o, "meta"), json_array_get(cases, i));
		for (size_t k = 0; k < n; k++)
			test_setting(&g, json_array_get(cases, i), &s[k], &n_row);
		release_given(&g);
	}
	T_OK(cases_n(cases) > 10 && n_row > 40, "%s: %zu cases, %d rows", file, cases_n(cases),
	    n_row);
	json_decref(o);
}

int main(void)
{
	static const struct setting two[] = {
	    {"fusechat2_default", ALIGN_PUBLISHED_DEFAULT, false},
	    {"fusechat2_default_nomatrix", ALIGN_PUBLISHED_SINGLE, false},
	    {"fusechat2_hard", ALIGN_PUBLISHED_HARD, false},
	    {"fusechat2_soft", ALIGN_PUBLISHED_SOFT, false},
	};
	static const struct setting one[] = {
	    {"fusechat1", ALIGN_PUBLISHED_DEFAULT, true},
	    {"fusechat1_nomatrix", ALIGN_PUBLISHED_SINGLE, true},
	};
	static const struct setting llm[] = {
	    {"fusellm_hard", ALIGN_PUBLISHED_HARD, true},
	    {"fusellm_soft", ALIGN_PUBLISHED_SOFT, true},
	};
	test_file("03_logit_transfer_fusechat2.json", ALIGN_FUSECHAT2, two, FC_LEN(two));
	test_file("04_logit_transfer_fusechat1.json", ALIGN_FUSECHAT1, one, FC_LEN(one));
	test_file("05_logit_transfer_fusellm.json", ALIGN_FUSELLM, llm, FC_LEN(llm));
	return t_done();
}
