/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/vocab/dtw.h"

#include "base/rng.h"
#include "cases.h"

static const char *const version_name[] = {"fusellm", "fusechat1", "fusechat2"};

/* The tokens of a sequence as a vocabulary of its own. */
static struct align_wording wording(
    const json_t *tokens, enum align_published version, const char *mark, const char *pivot_mark)
{
	struct align_vocab v = cases_vocab(tokens);
	const char **decoded = FC_ARRAY(const char *, v.n + 1);
	struct align_wording w;
	for (size_t i = 0; i < v.n; i++)
		decoded[i] = v.word[i].piece;
	align_wording_init(&w, version, &v, decoded, mark, pivot_mark);
	free(decoded);
	free(v.word);
	return w;
}

static uint32_t *count_up(size_t n)
{
	uint32_t *id = FC_ARRAY(uint32_t, n + 1);
	for (size_t i = 0; i < n; i++)
		id[i] = (uint32_t)i;
	return id;
}

static void test_case(const json_t *c, enum align_published version)
{
	const json_t *src = cases_get(c, "source_tokens"), *piv = cases_get(c, "pivot_tokens");
	const json_t *want = cases_get(c, version_name[version]);
	const json_t *spans = cases_get(want, "pivot_to_source"),
		     *matrix = cases_get(want, "matrix");
	const char *mark = cases_str(c, "source_mark"), *pivot_mark = cases_str(c, "pivot_mark");
	struct align_wording s = wording(src, version, mark, pivot_mark);
	struct align_wording p = wording(piv, version, pivot_mark, pivot_mark);
	size_t n = cases_n(src), m = cases_n(piv);
	uint32_t *s_id = count_up(n), *p_id = count_up(m);
	struct align_dtw_span *span = FC_ARRAY(struct align_dtw_span, m);
	struct align_dtw *d = align_dtw_new(version, &s, &p);
	double total = align_dtw_align(d, s_id, n, p_id, m, span);
	bool same = total == json_number_value(cases_get(want, "total"));
	for (size_t j = 0; j < m; j++) {
		const json_t *list = json_array_get(spans, j);
		same = same && span[j].first == cases_int_at(list, 0) &&
		    span[j].last == cases_int_at(list, cases_n(list) - 1);
	}
	/* the matrix's last column, which the file rounds: the costs of beginnings of the source */
	for (size_t i = 0; i < n; i++)
		same = same &&
		    t_near(align_dtw_align(d, s_id, i + 1, p_id, m, span),
			cases_real_at(json_array_get(matrix, i), m - 1), 1e-9);
	T_OK(same, "case 02, %s: %s", version_name[version], cases_str(c, "name"));
	align_dtw_free(d);
	free(span);
	free(s_id);
	free(p_id);
	align_wording_release(&s);
	align_wording_release(&p);
}

static void test_cases(void)
{
	json_t *o = cases_open("02_sequence_alignment.json");
	if (!o)
		return;
	const json_t *cases = cases_get(o, "cases");
	for (size_t i = 0; i < cases_n(cases); i++)
		for (int v = 0; v < 3; v++)
			test_case(json_array_get(cases, i), (enum align_published)v);
	T_OK(cases_n(cases) > 10, "case 02: all of them");
	json_decref(o);
}

/* The whole matrix, and the way back through it. */
static double slow_align(enum align_published version, const struct align_wording *source,
    const struct align_wording *pivot, const uint32_t *s, size_t n, const uint32_t *p, size_t m,
    struct align_dtw_span *span)
{
	double *D = FC_ARRAY(double, n *m);
	struct align_leven *leven = align_leven_new();
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m; j++) {
			double up = i ? D[(i - 1) * m + j] : INFINITY;
			double left = j ? D[i * m + j - 1] : INFINITY;
			double diagonal = i && j ? D[(i - 1) * m + j - 1] : INFINITY;
			double cost;
			align_published_costs(version, source, s[i], pivot, &p[j], 1, leven, &cost);
			D[i * m + j] = cost + (i || j ? fmin(fmin(up, left), diagonal) : 0);
		}
	size_t i = n - 1, j = m - 1;
	double total = D[n * m - 1];
	for (size_t k = 0; k < m; k++)
		span[k] = (struct align_dtw_span){UINT32_MAX, 0};
	for (;;) {
		if (span[j].last < i)
			span[j].last = (uint32_t)i;
		span[j].first = (uint32_t)i;
		if (i == 0 && j == 0)
			break;
		double up = i ? D[(i - 1) * m + j] : INFINITY;
		double left = j ? D[i * m + j - 1] : INFINITY;
		double diagonal = i && j ? D[(i - 1) * m + j - 1] : INFINITY;
		bool back = diagonal <= up && diagonal <= left;
		bool left_first = version == ALIGN_FUSECHAT2 ? left <= up : left < up;
		i -= back || !left_first;
		j -= back || left_first;
	}
	align_leven_free(leven);
	free(D);
	return total;
}

static void test_random(enum align_published version)
{
	enum { V = 60, MOST = 150 };
	static const char *const part[] = {"\u2581", "a", "b", "ab", "c", "\u00e9", "2"};
	static char piece[V][32];
	struct align_word word[V];
	struct align_vocab v = {.word = word, .n = V};
	const char *decoded[V];
	struct fc_rng rng;
	fc_rng_seed(&rng, 21 + version);
	for (size_t i = 0; i < V; i++) {
		piece[i][0] = 0;
		for (size_t k = fc_rng_below(&rng, 5) + 1; k > 0; k--)
			strcat(piece[i], part[fc_rng_below(&rng, FC_LEN(part))]);
		word[i] = (struct align_word){piece[i], strlen(piece[i]), piece[i], false};
		decoded[i] = piece[i];
	}
	struct align_wording w;
	align_wording_init(&w, version, &v, decoded, "\u2581", "\u2581");
	struct align_dtw *d = align_dtw_new(version, &w, &w);
	bool totals = true, spans = true;
	for (int round = 0; round < 120; round++) {
		size_t n = 1 + fc_rng_below(&rng, round % 4 ? 30 : MOST);
		size_t m = 1 + fc_rng_below(&rng, round % 3 ? 30 : MOST);
		uint32_t s[MOST], p[MOST];
		struct align_dtw_span a[MOST], b[MOST];
		for (size_t i = 0; i < n; i++)
			s[i] = (uint32_t)fc_rng_below(&rng, V);
		for (size_t j = 0; j < m; j++)
			p[j] = (uint32_t)fc_rng_below(&rng, V);
		double want = slow_align(version, &w, &w, s, n, p, m, a);
		totals = totals && align_dtw_align(d, s, n, p, m, b) == want;
		spans = spans && !memcmp(a, b, m * sizeof *a);
	}
	T_OK(totals, "random, %s: the whole cost bit for bit", version_name[version]);
	T_OK(spans, "random, %s: the same path", version_name[version]);
	align_dtw_free(d);
	align_wording_release(&w);
}

/* FuseChat's statistics. */
static void test_choice_cases(void)
{
	json_t *o = cases_open("06_vocab_mapping.json");
	if (!o)
		return;
	const json_t *meta = cases_get(o, "meta"), *cases = cases_get(o, "cases");
	struct align_vocab pivot = cases_vocab(cases_get(meta, "pivot_vocab"));
	struct align_wording to;
	struct align_leven *leven = align_leven_new();
	size_t n_case = 0;
	align_wording_init(&to, ALIGN_FUSECHAT1, &pivot, NULL, "\u2581", "\u2581");
	for (size_t i = 0; i < cases_n(cases); i++) {
		const json_t *c = json_array_get(cases, i), *counts = cases_get(c, "counts"),
			     *expect;
		const char *token;
		if (strcmp(cases_str(c, "kind"), "ms_mapping") != 0)
			continue;
		bool bl = !strcmp(cases_str(c, "source"), "bl");
		json_object_foreach((json_t *)cases_get(c, "expect"), token, expect)
		{
			struct align_word word = {token, strlen(token), token, false};
			struct align_vocab one = {.word = &word, .n = 1};
			struct align_wording from;
			struct fc_map_entry pair[8];
			size_t n = 0;
			for (uint32_t id = 0; id < pivot.n; id++) /* in order of the pivot's ids */
				for (size_t k = 0; k < cases_n(counts); k++) {
					const json_t *count = json_array_get(counts, k);
					if (!strcmp(cases_str_at(count, 0), token) &&
					    !strcmp(cases_str_at(count, 1), pivot.word[id].piece))
						pair[n++] = (struct fc_map_entry){
						    .pivot = id, .count = cases_int_at(count, 2)};
				}
			align_wording_init(
			    &from, ALIGN_FUSECHAT1, &one, NULL, bl ? "\u0120" : "\u2581", "\u2581");
			uint32_t got = align_published_choice(&from, 0, &to, pair, n, leven);
			bool forced = !strcmp(token, "<s>"); /* by role, see vocabmap */
			uint32_t want = cases_int_at(expect, 0);
			T_OK(forced || got == want || (got == ALIGN_UNMAPPED && want == 0),
			    "case 06: %s: %s", cases_str(c, "name"), token);
			align_wording_release(&from);
			n_case++;
		}
	}
	T_OK(n_case > 8, "case 06: %zu choices by statistics", n_case);
	align_leven_free(leven);
	align_wording_release(&to);
	free(pivot.word);
	json_decref(o);
}

int main(void)
{
	test_cases();
	for (int v = 0; v < 3; v++)
		test_random((enum align_published)v);
	test_choice_cases();
	return t_done();
}
