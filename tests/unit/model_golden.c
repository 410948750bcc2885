/* SPDX-License-Identifier: Apache-2.0 */
/* Every family against logits of transformers (tests/data/model/golden.py): a model folder with
 * these weights is written, opened and run. */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"
#include "t.h"

#include "device.h"
#include "golden_files.h"

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/*
 * The largest difference of logits over the largest expected logit.  Where products are rounded, so
 * is what chooses experts: a token between two of them may go to the other one, and those behind it
 * see that.  There it is the largest of three quarters of the tokens.
 */
static double compare(struct fc_nn *nn, const struct fc_model *m, const json_t *golden)
{
	const json_t *sequences = json_object_get(golden, "sequences");
	const json_t *rows = json_object_get(golden, "logits");
	uint32_t tok[64];
	size_t off[8] = {0}, n_seq = json_array_size(sequences), V = m->cfg.n_vocab,
	       C = m->cfg.n_embd;
	for (size_t s = 0; s < n_seq; s++) {
		const json_t *seq = json_array_get(sequences, s);
		off[s + 1] = off[s];
		for (size_t i = 0; i < json_array_size(seq); i++)
			tok[off[s + 1]++] = (uint32_t)json_integer_value(json_array_get(seq, i));
	}
	const struct fc_batch b = {tok, off, n_seq};
	const struct fc_head head = fc_model_head(m);
	const size_t N = off[n_seq];
	float *x = FC_ARRAY(float, N *C), *logits = FC_ARRAY(float, N *V);
	double *worst = FC_ARRAY(double, N + 1), scale = 0;
	size_t last = N - 1;
	if (N != json_array_size(rows) || fc_model_hidden(nn, m, &b, OUT(nn, x, N * C), &err) < 0)
		worst[N] = INFINITY;
	fc_head_logits(nn, &head, IN(nn, x, N * C), N, logits);
	device_back(nn);
	for (size_t n = 0; n < N; n++)
		for (size_t v = 0; v < V; v++) {
			double want = json_number_value(json_array_get(json_array_get(rows, n), v));
			const double apart = fabs(logits[n * V + v] - want);
			worst[n] = isnan(apart) ? INFINITY : fmax(worst[n], apart);
			scale = fmax(scale, fabs(want));
		}
	free(x);
	free(logits);
	qsort(worst, N, sizeof *worst, by_size);
	if (m->cfg.n_expert && fc_nn_compute(nn) == FC_COMPUTE_BF16)
		last = N * 3 / 4;
	const double result = fmax(worst[last], worst[N]) / scale;
	free(worst);
	return result;
}

static void test_variant(const char *name, enum fc_dtype dtype, enum fc_compute compute, double tol)
{
	char dir[] = "/tmp/fc-golden-XXXXXX", path[256];
	snprintf(path, sizeof path, DATA "%s.json", name);
	err.msg[0] = 0;
	json_t *golden = fc_json_file(path, &err);
	struct fc_model *m = NULL;
	struct fc_nn *nn = NULL;
	if (!T_OK(golden && mkdtemp(dir), "%s: expected values", name))
		return;
	nn = open_nn(compute);
	if (T_OK(write_model(dir, golden, dtype) == 0 && fc_model_open(&m, dir, nn, &err) == 0,
		"%s: opens as %s %s", name, fc_dtype_name(dtype), err.msg)) {
		double worst = compare(nn, m, golden);
		T_OK(worst < tol, "%s: %s weights, %s: logits within %.2g of transformers (%.2g)",
		    name, fc_dtype_name(dtype), compute == FC_COMPUTE_F32 ? "float32" : "bfloat16",
		    tol, worst);
	}
	fc_model_close(m);
	fc_nn_close(nn);
	json_decref(golden);
	remove_model(dir);
}

int main(void)
{
	static const char *const variants[] = {"llama", "llama-bias", "llama-linear",
	    "llama-dynamic", "llama-yarn", "llama-yarn-mscale", "mistral", "mixtral", "qwen2",
	    "qwen2-window", "qwen3", "gemma", "gemma2", "gemma3", "gemma3-images", "phi3",
	    "phi3-longrope", "internlm2", "internlm2-dynamic", "gpt2", "gpt2-scaled", "gpt_neox",
	    "gpt_neox-serial", "mpt", "mpt-clip", "qwen3_moe", "granite", "smollm3", "olmo2",
	    "olmo3", "olmo3-yarn", "phi3-mini4", "ministral", "ministral3", "mistral3-images",
	    "cohere", "cohere2", "glm", "glm4", "gpt_oss", "deepseek_v2", "deepseek_v2-groups",
	    "deepseek_v3", "deepseek_v3-one_group"};
	for (size_t i = 0; i < FC_LEN(variants); i++) {
		test_variant(variants[i], FC_F32, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_F16, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_BF16, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_BF16, FC_COMPUTE_BF16, GOLDEN_BF16);
	}
	return t_done();
}
