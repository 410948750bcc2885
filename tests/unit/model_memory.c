/* SPDX-License-Identifier: Apache-2.0 */
/* Of every family: layers that do not stay on the device give the bits of those that do, and what
 * the dry device counts is what the device under test gives. */
#include <unistd.h>

#include "base/mem.h"
#include "model/family.h"
#include "model/footprint.h"
#include "model/kvcache.h"
#include "model/params.h"
#include "nn/dry.h"
#include "nn/ops.h"
#include "t.h"

#include "device.h"
#include "model_files.h"

enum { N = 40, V = 31, LAYERS = 4 };
static const size_t off[] = {0, 25, 25, 40};
static struct fc_err err;
static uint32_t tok[N];
static const struct fc_batch batch = {tok, off, 3};
static char dir[] = "/tmp/fc-memory-XXXXXX";

static const struct {
	const char *name, *config;
} models[] = {
    {"llama", "\"model_type\": \"llama\", \"num_attention_heads\": 4"},
    {"tied",
	"\"model_type\": \"qwen2\", \"num_attention_heads\": 4, \"tie_word_embeddings\": true"},
    {"dynamic",
	"\"model_type\": \"llama\", \"num_attention_heads\": 4, \"max_position_embeddings\": 20, "
	"\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}"},
    {"qwen3", "\"model_type\": \"qwen3\", \"num_attention_heads\": 2, \"head_dim\": 8"},
    {"gemma2",
	"\"model_type\": \"gemma2\", \"num_attention_heads\": 4, \"head_dim\": 12, "
	"\"sliding_window\": 7"},
    {"phi3", "\"model_type\": \"phi3\", \"num_attention_heads\": 4"},
    {"internlm2", "\"model_type\": \"internlm2\", \"num_attention_heads\": 4"},
    {"gpt2", "\"model_type\": \"gpt2\", \"n_embd\": 32, \"n_head\": 4, \"n_layer\": 4"},
    {"gpt_neox", "\"model_type\": \"gpt_neox\", \"num_attention_heads\": 4"},
    {"mpt", "\"model_type\": \"mpt\", \"d_model\": 32, \"n_heads\": 4, \"n_layers\": 4"},
    {"mixtral",
	"\"model_type\": \"mixtral\", \"num_attention_heads\": 4, \"num_local_experts\": 4"},
    {"deepseek_v3",
	"\"model_type\": \"deepseek_v3\", \"num_attention_heads\": 4, \"q_lora_rank\": 12, "
	"\"kv_lora_rank\": 10, \"qk_nope_head_dim\": 6, \"qk_rope_head_dim\": 4, "
	"\"v_head_dim\": 6, \"n_routed_experts\": 4, \"n_group\": 1, \"topk_group\": 1, "
	"\"num_experts_per_tok\": 2, \"moe_intermediate_size\": 16, "
	"\"first_k_dense_replace\": 1"},
};

/* Hidden states of a pass, then those of two passes with a cache; [N + 4, C] of the host. */
static float *run_passes(struct fc_nn *nn, size_t n_stay)
{
	static const size_t slot[] = {0, 1}, first[] = {0, 20, 30}, one[] = {0, 1, 2};
	struct fc_model *m;
	if (fc_model_open_part(&m, dir, nn, n_stay, &err) < 0)
		return NULL;
	const size_t C = m->cfg.n_embd;
	float *x = fc_nn_alloc_for(nn, FC_USE_STATES, N + 4, C * sizeof *x);
	struct fc_kvcache *c = fc_kvcache_new(nn, m, 2, N);
	int ret = fc_model_hidden(nn, m, &batch, x, &err);
	ret +=
	    fc_kvcache_forward(nn, m, c, &(struct fc_batch){tok, first, 2}, slot, x + N * C, &err);
	ret += fc_kvcache_forward(
	    nn, m, c, &(struct fc_batch){tok, one, 2}, slot, x + (N + 2) * C, &err);
	float *host = ret == 0 ? device_read(nn, x, (N + 4) * C * sizeof *x) : NULL;
	fc_kvcache_free(c);
	fc_nn_free(nn, x);
	fc_model_close(m);
	return fc_nn_check(nn, &err) == 0 ? host : NULL;
}

static size_t n_embd(void)
{
	struct fc_config c;
	const size_t n = fc_config_load(&c, dir, &err) == 0 ? c.n_embd : 0;
	fc_config_release(&c);
	return n;
}

static void test_layers(struct fc_nn *nn, const char *name)
{
	const size_t n = (N + 4) * n_embd();
	float *all = run_passes(nn, SIZE_MAX);
	bool any = false;
	if (!T_OK(all != NULL, "%s: runs: %s", name, err.msg))
		return;
	for (size_t i = 0; i < n; i++)
		any = any || all[i] != 0;
	T_OK(any, "%s: states are not zero", name);
	for (size_t n_stay = 0; n_stay < LAYERS; n_stay++) {
		float *part = run_passes(nn, n_stay);
		T_OK(part && !memcmp(part, all, n * sizeof *all),
		    "%s: the same bits with %zu layers on the device %s", name, n_stay,
		    part ? "" : err.msg);
		free(part);
	}
	free(all);
}

/* A step of training, or 1 where the family has none. */
static int run_training(struct fc_nn *nn)
{
	static const uint32_t row[] = {0, 3, 30}, target[] = {1, 2, 3};
	static const float sft[] = {0.5f, 0.5f, 0.5f}, kd[] = {0, 0, 0};
	struct fc_params *p;
	struct fc_loss loss = {0};
	const struct fc_targets t = {row, target, sft, kd, NULL, 3};
	if (fc_params_open(&p, dir, nn, &err) < 0)
		return strstr(err.msg, "not supported") ? 1 : -1;
	fc_params_zero_grad(p);
	const int ret = fc_params_step(nn, p, &batch, &t, true, &loss, &err);
	fc_params_free(p);
	return ret;
}

/* The most bytes that the device has given, once it is closed. */
static size_t counted(struct fc_nn *nn, const char *path)
{
	size_t n = 0;
	fc_nn_close(nn);
	FILE *f = fopen(path, "r");
	if (f && fscanf(f, "%zu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

enum { ALL, SOME, TRAIN, OFFLOAD, N_WORK };
static const char *const work_name[] = {
    "all layers", "two of the layers", "training", "training with offload"};

static int do_work(struct fc_nn *nn, int work)
{
	if (work < TRAIN) {
		float *x = run_passes(nn, work == ALL ? SIZE_MAX : 2);
		free(x);
		return x ? 0 : -1;
	}
	if (work == OFFLOAD)
		fc_nn_offload(nn);
	return run_training(nn);
}

static void test_count(const char *name, enum fc_compute compute)
{
	char path[64];
	snprintf(path, sizeof path, "%s/told", dir);
	for (int work = 0; work < N_WORK; work++) {
		struct fc_nn *nn = open_nn(compute), *dry = fc_dry_open(nn);
		const int ret = do_work(nn, work), dried = do_work(dry, work);
		T_OK(ret >= 0 && ret == dried, "%s, %s: both do it", name, work_name[work]);
		const struct fc_footprint f = fc_footprint_of(dry);
		fc_nn_close(dry);
		setenv("FC_FAR_TELL", path, 1);
		setenv("FC_CUDA_TELL", path, 1);
		const size_t most = counted(nn, path);
		unsetenv("FC_FAR_TELL");
		unsetenv("FC_CUDA_TELL");
		if (ret == 0)
			T_OK(fc_footprint_bytes(f.device) == most, "%s, %s: %zu bytes, told %zu",
			    name, work_name[work], most, fc_footprint_bytes(f.device));
	}
	remove(path);
}

/* Of a device that gains nothing by them. */
static bool may_lack(size_t at)
{
	return at == offsetof(struct fc_nn_ops, copies) ||
	    at == offsetof(struct fc_nn_ops, linears_fwd) ||
	    at == offsetof(struct fc_nn_ops, linear_glu_fwd) ||
	    at == offsetof(struct fc_nn_ops, dry);
}

/* Else a program that asks for one ends. */
static void test_operations(const struct fc_nn *nn)
{
	struct fc_nn *dry = fc_dry_open(nn);
	void (*const *op)(void) = (void (*const *)(void))(const void *)dry->ops;
	size_t n = sizeof *dry->ops / sizeof *op, n_none = 0;
	for (size_t i = 0; i < n; i++)
		n_none += !op[i] && !may_lack(i * sizeof *op);
	T_OK(n_none == 0, "the dry device has all operations");
	fc_nn_close(dry);
}

/* By the arguments, which name models; all without one. */
static bool is_wanted(int argc, char **argv, const char *name)
{
	bool yes = argc < 2;
	for (int i = 1; i < argc; i++)
		yes = yes || !strcmp(argv[i], name);
	return yes;
}

int main(int argc, char **argv)
{
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_operations(nn);
	fc_nn_close(nn);
	if (!T_OK(mkdtemp(dir) != NULL, "temporary folder"))
		return t_done();
	for (uint32_t i = 0; i < N; i++)
		tok[i] = i * 7 % V;
	for (size_t i = 0; i < FC_LEN(models); i++) {
		char config[600];
		if (!is_wanted(argc, argv, models[i].name))
			continue;
		snprintf(config, sizeof config,
		    "{\"vocab_size\": %d, \"hidden_size\": 32, \"intermediate_size\": 24, "
		    "\"num_hidden_layers\": %d, %s}",
		    V, LAYERS, models[i].config);
		if (!T_OK(write_random_model(dir, config, 1, &err) == 0, "%s: is made %s",
			models[i].name, err.msg))
			continue;
		nn = open_nn(FC_COMPUTE_F32);
		test_layers(nn, models[i].name);
		fc_nn_close(nn); /* what is counted below is of all that are open */
		if (strcmp(device_name(), "cpu")) {
			test_count(models[i].name, FC_COMPUTE_F32);
			test_count(models[i].name, FC_COMPUTE_BF16);
		}
		remove_model_files(dir);
	}
	rmdir(dir);
	return t_done();
}
