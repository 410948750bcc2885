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
#include "golden_logits.h"

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
		double worst = golden_apart(nn, m, golden);
		T_OK(worst < tol, "%s: %s weights, %s: logits within %.2g of transformers (%.2g)",
		    name, fc_dtype_name(dtype), compute == FC_COMPUTE_F32 ? "float32" : "bfloat16",
		    tol, worst);
	}
	fc_model_close(m);
	fc_nn_close(nn);
	json_decref(golden);
	remove_model(dir);
}

/* By the arguments, which name variants; all without one. */
static bool is_wanted(int argc, char **argv, const char *name)
{
	bool yes = argc < 2;
	for (int i = 1; i < argc; i++)
		yes = yes || !strcmp(argv[i], name);
	return yes;
}

int main(int argc, char **argv)
{
	static const char *const variants[] = {"llama", "llama-bias", "llama-linear",
	    "llama-dynamic", "llama-yarn", "llama-yarn-mscale", "mistral", "mixtral", "qwen2",
	    "qwen2-window", "qwen3", "gemma", "gemma2", "gemma3", "gemma3-images", "phi3",
	    "phi3-longrope", "internlm2", "internlm2-dynamic", "gpt2", "gpt2-scaled", "gpt_neox",
	    "gpt_neox-serial", "mpt", "mpt-clip", "qwen3_moe", "granite", "smollm3", "olmo2",
	    "olmo3", "olmo3-yarn", "phi3-mini4", "ministral", "ministral3", "mistral3-images",
	    "cohere", "cohere2", "glm", "glm4", "gpt_oss", "deepseek_v2", "deepseek_v2-groups",
	    "deepseek_v3", "deepseek_v3-one_group", "deepseek_v3-halves"};
	for (size_t i = 0; i < FC_LEN(variants); i++) {
		if (!is_wanted(argc, argv, variants[i]))
			continue;
		test_variant(variants[i], FC_F32, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_F16, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_BF16, FC_COMPUTE_F32, GOLDEN_ORDERS);
		test_variant(variants[i], FC_BF16, FC_COMPUTE_BF16, GOLDEN_BF16);
	}
	return t_done();
}
