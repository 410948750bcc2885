/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worked cases of the reference's representation (top-k, cross-entropy by position and by
 * conversation), through an output layer that is the identity, so that the state is the logits.
 * The reference rounds logits and cross-entropies to float16, and orders equal logits as it
 * happens; the case where float16 overflows is its defect.
 */
#include "base/file.h"
#include "base/mem.h"
#include "device.h"
#include "nn/nn.h"
#include "t.h"
#include "text/json.h"

#define MAX_V 16
#define HALF 1e-3 /* of float16: relative 2^-11, and two roundings */

static double at(const json_t *a, size_t i)
{
	return json_number_value(json_array_get(a, i));
}

static const json_t *member(const json_t *c, const char *key, size_t seq)
{
	return json_array_get(json_object_get(c, key), seq);
}

static bool is_scored(const json_t *c, size_t seq, size_t p)
{
	return json_is_true(json_object_get(c, "mask_instruction"))
	    ? at(member(c, "labels", seq), p) >= 0
	    : at(member(c, "attention_mask", seq), p) > 0;
}

static void check_sequence(struct fc_nn *nn, const json_t *c, size_t seq)
{
	const json_t *rows = member(c, "logits", seq), *labels = member(c, "labels", seq);
	const size_t N = json_array_size(rows), V = json_array_size(json_array_get(rows, 0));
	const size_t K = (size_t)json_integer_value(json_object_get(c, "top_k"));
	const char *name = json_string_value(json_object_get(c, "name"));
	float x[MAX_V * MAX_V], w[MAX_V * MAX_V] = {0}, lp[MAX_V * MAX_V], truth[MAX_V];
	uint32_t target[MAX_V], id[MAX_V * MAX_V];
	bool top = true, step = true;
	double sum = 0;
	int n = 0;
	for (size_t p = 0; p < N; p++) {
		for (size_t v = 0; v < V; v++)
			x[p * V + v] = (float)at(json_array_get(rows, p), v);
		bool has_label = p + 1 < N && at(labels, p + 1) >= 0;
		target[p] = has_label ? (uint32_t)at(labels, p + 1) : FC_NO_TARGET;
	}
	for (size_t v = 0; v < V; v++)
		w[v * V + v] = 1;
	struct fc_head head = {.w = {w, FC_F32, V, V}, .n_vocab = V};
	const struct fc_head on = device_head(nn, &head);
	fc_head_topk(nn, &on, IN(nn, x, N * V), target, N, K, id, lp, truth);
	device_back(nn);
	for (size_t p = 0; p < N; p++) {
		const json_t *expect = json_array_get(member(c, "per_step_logits", seq), p);
		for (size_t k = 0; k < K; k++) {
			/* logits, up to the normalizer that the reference drops */
			top = top && t_near(x[p * V + id[p * K + k]], at(expect, k), HALF) &&
			    t_near((double)(lp[p * K] - lp[p * K + k]),
				at(expect, 0) - at(expect, k), HALF);
		}
		if (p + 1 == N)
			continue;
		step = step &&
		    t_near(-(double)truth[p], at(member(c, "per_step_metric_ce", seq), p), HALF);
		if (is_scored(c, seq, p + 1)) {
			sum -= (double)truth[p];
			n++;
		}
	}
	T_OK(top, "%s, sequence %zu: the likeliest tokens", name, seq);
	T_OK(step, "%s, sequence %zu: cross-entropy by position", name, seq);
	const json_t *mean = member(c, "metric_ce", seq);
	if (json_is_null(mean))
		T_EQ(n, 0, "no label: nothing to divide by");
	else
		T_NEAR(sum / n, json_number_value(mean), HALF, "cross-entropy of the conversation");
}

int main(void)
{
	struct fc_err e;
	struct fc_nn *nn;
	if (!t_shared()) {
		t_skip("no shared inputs");
		return t_done();
	}
	char *path = fc_path_join(t_shared(), "cases/09_representation.json");
	json_t *file = fc_json_file(path, &e);
	T_OK(file, "the cases are read");
	nn = open_nn(FC_COMPUTE_F32);
	size_t i;
	const json_t *c;
	json_array_foreach(json_object_get(file, "cases"), i, c)
	{
		const char *name = json_string_value(json_object_get(c, "name"));
		if (strncmp(name, "fp16", 4) == 0)
			continue;
		for (size_t s = 0; s < json_array_size(json_object_get(c, "logits")); s++)
			check_sequence(nn, c, s);
	}
	fc_nn_close(nn);
	json_decref(file);
	free(path);
	return t_done();
}
