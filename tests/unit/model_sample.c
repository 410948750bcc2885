/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "model/sample.h"
#include "t.h"
#include "text/json.h"
#include "text/lines.h"

enum { V = 9, DRAWS = 40000 };
static const float logits[V] = {0.5f, 2, -1, 2, 0, 1.5f, -30, 1, -INFINITY};
/* By probability, equal ones by id. */
static const int ranked[V] = {1, 3, 5, 7, 0, 4, 2, 6, 8};

/* What the cuts leave, from their definition: a full sort, one cut after the other. */
static void expected(double p[V], const struct fc_sampling *s)
{
	double sum = 0, before = 0, kept[V];
	for (int i = 0; i < V; i++)
		kept[i] = exp((double)logits[ranked[i]] / s->temperature);
	for (int i = 0; i < V; i++) {
		if (s->top_k && i >= s->top_k)
			kept[i] = 0;
		sum += kept[i];
	}
	for (int i = 0; i < V; i++) {
		const double mass = kept[i] / sum;
		if (i && (before >= s->top_p || kept[i] < s->min_p * kept[0]))
			kept[i] = 0;
		before += mass;
	}
	sum = 0;
	for (int i = 0; i < V; i++)
		sum += kept[i];
	for (int i = 0; i < V; i++)
		p[ranked[i]] = kept[i] / sum;
}

static void test_distribution(const char *name, struct fc_sampling s)
{
	int count[V] = {0};
	double want[V];
	bool good = true;
	struct fc_rng rng;
	fc_rng_seed(&rng, 7);
	for (int i = 0; i < DRAWS; i++)
		count[fc_sample(logits, V, &s, &rng)]++;
	expected(want, &s);
	for (int i = 0; i < V; i++) {
		/* four standard deviations */
		const double tol = 4 * sqrt(want[i] * (1 - want[i]) / DRAWS);
		good = good && fabs((double)count[i] / DRAWS - want[i]) <= tol;
		good = good && (want[i] > 0 || count[i] == 0);
	}
	T_OK(good, "frequencies: %s", name);
}

static void test_special(void)
{
	const struct fc_sampling greedy = FC_SAMPLING_GREEDY, hot = {1, 0, 1, 0};
	const float nan[3] = {0, NAN, 1}, none[2] = {-INFINITY, -INFINITY}, over[2] = {0, INFINITY};
	const float wide[3] = {-3e38f, 3e38f, 0};
	struct fc_rng a, b;
	fc_rng_seed(&a, 1);
	b = a;
	T_EQ(fc_sample(logits, V, &greedy, &a), 1, "greedy: the lower of two equal ids");
	T_OK(!memcmp(&a, &b, sizeof a), "greedy: draws no random number");
	T_EQ(fc_sample(logits, V, &(struct fc_sampling){3, 1, 1, 0}, &a), 1, "top_k 1 is greedy");
	T_EQ(
	    fc_sample(logits, V, &(struct fc_sampling){1, 0, 1e-9, 0}, &a), 1, "top_p 0 is greedy");
	T_EQ(fc_sample(wide, 3, &hot, &a), 1, "the whole range of float32");
	T_EQ(fc_sample(nan, 3, &hot, &a), FC_NO_TOKEN, "NaN is reported");
	T_EQ(fc_sample(nan, 3, &greedy, &a), FC_NO_TOKEN, "NaN is reported to the greedy");
	T_EQ(fc_sample(none, 2, &hot, &a), FC_NO_TOKEN, "no possible token is reported");
	T_EQ(fc_sample(over, 2, &greedy, &a), FC_NO_TOKEN, "infinity is reported");
	T_EQ(fc_sample(logits, 1, &hot, &a), 0, "a vocabulary of one");
	bool same = true;
	fc_rng_seed(&a, 5);
	b = a;
	for (int i = 0; i < 100; i++)
		same = same && fc_sample(logits, V, &hot, &a) == fc_sample(logits, V, &hot, &b);
	T_OK(same, "the same seed draws the same tokens");
}

static double real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* Penalty and cuts in their order against transformers' logits processors. */
static void test_transformers(void)
{
	enum { N = 11, TRIES = 20000 };
	struct fc_err e;
	struct fc_lines *lines;
	char *p;
	size_t n, cases = 0, bad = 0;
	if (!T_OK(fc_lines_open(&lines, "tests/data/model/sampling.jsonl", &e) == 0,
		"transformers' cases"))
		return;
	for (; fc_lines_next(lines, &p, &n, &e) == 1; cases++) {
		json_t *c = fc_json_text(p, n, fc_lines_where(lines), &e);
		const json_t *list = json_object_get(c, "seen"),
			     *probs = json_object_get(c, "probs");
		const struct fc_sampling s = {real(c, "temperature"), (int)real(c, "top_k"),
		    real(c, "top_p"), real(c, "min_p")};
		uint32_t seen[N];
		float z[N];
		int count[N] = {0};
		struct fc_rng rng;
		for (size_t i = 0; i < N; i++)
			z[i] = (float)json_number_value(
			    json_array_get(json_object_get(c, "logits"), i));
		for (size_t i = 0; i < json_array_size(list); i++)
			seen[i] = (uint32_t)json_integer_value(json_array_get(list, i));
		fc_sample_penalize(z, seen, json_array_size(list), real(c, "penalty"));
		fc_rng_seed(&rng, cases);
		for (int i = 0; i < TRIES; i++)
			count[fc_sample(z, N, &s, &rng)]++;
		for (size_t i = 0; i < N; i++) {
			const double want = json_number_value(json_array_get(probs, i));
			const double tol = 4.5 * sqrt(want * (1 - want) / TRIES);
			bad += fabs((double)count[i] / TRIES - want) > tol;
		}
		json_decref(c);
	}
	T_OK(cases == 16 && !bad, "%zu of transformers' cases, %zu frequencies off", cases, bad);
	fc_lines_close(lines);
}

static void test_penalty(void)
{
	float z[4] = {2, -2, 0, 3};
	fc_sample_penalize(z, (uint32_t[]){0, 1, 2}, 3, 2);
	T_OK(z[0] == 1 && z[1] == -4 && z[2] == 0 && z[3] == 3,
	    "penalty: positive logits are divided, negative ones multiplied");
}

int main(void)
{
	test_transformers();
	test_penalty();
	test_distribution("temperature 1", (struct fc_sampling){1, 0, 1, 0});
	test_distribution("temperature 0.5", (struct fc_sampling){0.5, 0, 1, 0});
	test_distribution("top_k 3", (struct fc_sampling){1, 3, 1, 0});
	test_distribution("top_k over the vocabulary", (struct fc_sampling){1, 50, 1, 0});
	test_distribution("top_p 0.6", (struct fc_sampling){1, 0, 0.6, 0});
	test_distribution("top_k 4, top_p 0.6", (struct fc_sampling){2, 4, 0.6, 0});
	test_distribution("min_p 0.5", (struct fc_sampling){1, 0, 1, 0.5});
	test_distribution("all", (struct fc_sampling){1.5, 6, 0.95, 0.25});
	test_special();
	return t_done();
}
