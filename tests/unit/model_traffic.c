/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a pass move nothing between the program and the device: what a pass moves is the
 * same whatever the number of layers, forward, in training, with a cache.  Only experts are chosen
 * by the program. */
#include <unistd.h>

#include "base/mem.h"
#include "model/family.h"
#include "model/kvcache.h"
#include "model/params.h"
#include "t.h"

#include "device.h"
#include "model_files.h"

enum { N = 40, V = 31 };
static const size_t off[] = {0, 25, 25, 40};
static struct fc_err err;
static uint32_t tok[N];
static const struct fc_batch batch = {tok, off, 3};

static const struct {
	const char *name, *config;
} models[] = {
    {"llama", "\"model_type\": \"llama\", \"num_attention_heads\": 4, \"num_hidden_layers\": %d"},
    {"dynamic",
	"\"model_type\": \"llama\", \"num_attention_heads\": 4, \"num_hidden_layers\": %d, "
	"\"max_position_embeddings\": 20, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": "
	"4}"},
    {"qwen3",
	"\"model_type\": \"qwen3\", \"num_attention_heads\": 2, \"head_dim\": 8, "
	"\"num_hidden_layers\": %d"},
    {"gemma2",
	"\"model_type\": \"gemma2\", \"num_attention_heads\": 4, \"head_dim\": 12, "
	"\"sliding_window\": 7, \"num_hidden_layers\": %d"},
    {"phi3", "\"model_type\": \"phi3\", \"num_attention_heads\": 4, \"num_hidden_layers\": %d"},
    {"internlm2",
	"\"model_type\": \"internlm2\", \"num_attention_heads\": 4, \"num_hidden_layers\": %d"},
    {"gpt2", "\"model_type\": \"gpt2\", \"n_embd\": 32, \"n_head\": 4, \"n_layer\": %d"},
    {"gpt_neox",
	"\"model_type\": \"gpt_neox\", \"num_attention_heads\": 4, \"num_hidden_layers\": %d"},
    {"mpt", "\"model_type\": \"mpt\", \"d_model\": 32, \"n_heads\": 4, \"n_layers\": %d"},
    {"mixtral",
	"\"model_type\": \"mixtral\", \"num_attention_heads\": 4, \"num_local_experts\": 4, "
	"\"num_hidden_layers\": %d"},
};

static struct fc_nn_traffic since(struct fc_nn *nn, const struct fc_nn_traffic *before)
{
	const struct fc_nn_traffic now = fc_nn_traffic(nn);
	return (struct fc_nn_traffic){
	    now.n_put - before->n_put, now.n_get - before->n_get, now.n_bytes - before->n_bytes};
}

static bool same(const struct fc_nn_traffic *a, const struct fc_nn_traffic *b)
{
	return a->n_put == b->n_put && a->n_get == b->n_get && a->n_bytes == b->n_bytes;
}

enum { FORWARD, DECODE, TRAIN, N_PASS };
static const char *const pass_name[] = {"forward", "with a cache", "in training"};

static void run_forward(struct fc_nn *nn, const struct fc_model *m, float *x)
{
	fc_model_hidden(nn, m, &batch, x, &err);
}

static void run_decode(struct fc_nn *nn, const struct fc_model *m, float *x)
{
	static const size_t slot[] = {0, 1}, first[] = {0, 20, 30}, one[] = {0, 1, 2};
	struct fc_kvcache *c = fc_kvcache_new(nn, m, 2, N);
	fc_kvcache_forward(nn, m, c, &(struct fc_batch){tok, first, 2}, slot, x, &err);
	fc_kvcache_forward(nn, m, c, &(struct fc_batch){tok, one, 2}, slot, x, &err);
	fc_kvcache_free(c);
}

static void run_training(struct fc_nn *nn, struct fc_params *p)
{
	static const uint32_t row[] = {0, 3, 30}, target[] = {1, 2, 3};
	static const float sft[] = {0.5f, 0.5f, 0.5f}, kd[] = {0, 0, 0};
	struct fc_loss loss = {0};
	fc_params_zero_grad(p);
	fc_params_step(
	    nn, p, &batch, &(struct fc_targets){row, target, sft, kd, NULL, 3}, true, &loss, &err);
}

/* What the passes of a model with n layers move; 0 where it is not trained. */
static bool measure(
    struct fc_nn *nn, const char *dir, const char *form, int n, struct fc_nn_traffic t[N_PASS])
{
	char layers[300], config[600];
	struct fc_model *m = NULL;
	struct fc_params *p = NULL;
	snprintf(layers, sizeof layers, form, n);
	snprintf(config, sizeof config,
	    "{\"vocab_size\": %d, \"hidden_size\": 32, \"intermediate_size\": 24, %s}", V, layers);
	memset(t, 0, N_PASS * sizeof *t);
	if (write_random_model(dir, config, 1, &err) < 0 || fc_model_open(&m, dir, nn, &err) < 0)
		return false;
	float *x = fc_nn_alloc(nn, N * m->cfg.n_embd, sizeof *x);
	struct fc_nn_traffic before = fc_nn_traffic(nn);
	run_forward(nn, m, x);
	t[FORWARD] = since(nn, &before);
	before = fc_nn_traffic(nn);
	run_decode(nn, m, x);
	t[DECODE] = since(nn, &before);
	if (m->cfg.family->trains && fc_params_open(&p, dir, nn, &err) == 0) {
		before = fc_nn_traffic(nn);
		run_training(nn, p);
		t[TRAIN] = since(nn, &before);
	}
	fc_nn_free(nn, x);
	fc_params_free(p);
	fc_model_close(m);
	remove_model_files(dir);
	return fc_nn_check(nn, &err) == 0;
}

int main(void)
{
	char dir[] = "/tmp/fc-traffic-XXXXXX";
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	struct fc_nn_traffic few[N_PASS], many[N_PASS];
	for (uint32_t i = 0; i < N; i++)
		tok[i] = i * 7 % V;
	if (!T_OK(mkdtemp(dir) != NULL, "temporary folder"))
		return t_done();
	for (size_t i = 0; i < FC_LEN(models); i++) {
		const bool routed = !strcmp(models[i].name, "mixtral");
		if (!T_OK(measure(nn, dir, models[i].config, 1, few) &&
			    measure(nn, dir, models[i].config, 4, many),
			"%s: measured %s", models[i].name, err.msg))
			continue;
		for (int k = 0; k < N_PASS; k++)
			if (few[k].n_bytes)
				T_OK(same(&few[k], &many[k]) != routed,
				    "%s, %s: one layer moves %ju bytes, four %ju", models[i].name,
				    pass_name[k], (uintmax_t)few[k].n_bytes,
				    (uintmax_t)many[k].n_bytes);
	}
	rmdir(dir);
	fc_nn_close(nn);
	return t_done();
}
