/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to compute the same thing agree: packed and alone, at once and step by step, on one thread
 * and two, before saving and after. */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "model/kvcache.h"
#include "model/params.h"
#include "model/family.h"
#include "t.h"

#include "device.h"
#include "model_files.h"

enum { C = 64, V = 101, N = 160, F = 96, LAYERS = 3 };
/*
 * Roundings after each other on the way through a layer: sums of C four times (into and out of
 * attention, with the scores, into the feed-forward), of F once, of at most N keys, and 40 of
 * norms, rotations and activations.  Norms keep the sizes, so two orders of all these sums are
 * apart by at most twice their number, of the largest result.
 */
#define ORDERS (2 * LAYERS * (4 * C + F + N + 40) * T_U)
/* bfloat16 rounds four operands after each other in a layer; what another order of sums moves
 * across a tie is off by a whole step. */
#define BF16_FORWARD (4 * LAYERS * 0x1p-8)
static const size_t off[] = {0, 37, 37, 38, 121, 160};
static const struct {
	const char *name, *config;
} models[] = {
    {"llama", "\"model_type\": \"llama\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2"},
    {"window",
	"\"model_type\": \"mistral\", \"sliding_window\": 9, \"num_attention_heads\": 8, "
	"\"num_key_value_heads\": 1"},
    {"qwen3", "\"model_type\": \"qwen3\", \"num_attention_heads\": 2, \"head_dim\": 40"},
    {"dynamic",
	"\"model_type\": \"llama\", \"num_attention_heads\": 4, \"max_position_embeddings\": 40, "
	"\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}"},
    {"yarn",
	"\"model_type\": \"qwen2\", \"num_attention_heads\": 4, \"rope_scaling\": {\"type\": "
	"\"yarn\", "
	"\"factor\": 4, \"original_max_position_embeddings\": 30}"},
    {"gemma2",
	"\"model_type\": \"gemma2\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"head_dim\": 12, \"sliding_window\": 7, \"attn_logit_softcapping\": 3"},
    {"gemma3",
	"\"model_type\": \"gemma3_text\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"head_dim\": 16, \"sliding_window\": 7, \"sliding_window_pattern\": 2"},
    {"phi3",
	"\"model_type\": \"phi3\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"max_position_embeddings\": 4096, \"original_max_position_embeddings\": 36, "
	"\"partial_rotary_factor\": 0.5, \"rope_scaling\": {\"type\": \"su\", "
	"\"short_factor\": [1, 1.1, 1.2, 1.3], \"long_factor\": [1, 2, 4, 8]}"},
    {"internlm2",
	"\"model_type\": \"internlm2\", \"num_attention_heads\": 8, \"num_key_value_heads\": 2, "
	"\"bias\": false"},
    {"mixtral",
	"\"model_type\": \"mixtral\", \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	"\"num_local_experts\": 6"},
    {"gpt2", "\"model_type\": \"gpt2\", \"n_embd\": 64, \"n_head\": 4, \"n_layer\": 3"},
    {"gpt_neox", "\"model_type\": \"gpt_neox\", \"num_attention_heads\": 4"},
    {"mpt", "\"model_type\": \"mpt\", \"d_model\": 64, \"n_heads\": 8, \"n_layers\": 3"},
    {"qwen3_moe",
	"\"model_type\": \"qwen3_moe\", \"num_attention_heads\": 4, \"head_dim\": 12, "
	"\"num_experts\": 9, \"moe_intermediate_size\": 24, \"norm_topk_prob\": true"},
    {"granite",
	"\"model_type\": \"granite\", \"num_attention_heads\": 4, \"embedding_multiplier\": 3, "
	"\"attention_multiplier\": 0.3, \"residual_multiplier\": 0.5, \"logits_scaling\": 4"},
    {"smollm3",
	"\"model_type\": \"smollm3\", \"num_attention_heads\": 4, "
	"\"no_rope_layer_interval\": 2"},
    {"olmo3",
	"\"model_type\": \"olmo3\", \"num_attention_heads\": 4, \"sliding_window\": 7, "
	"\"num_key_value_heads\": 2, \"layer_types\": [\"sliding_attention\", "
	"\"full_attention\", \"sliding_attention\"]"},
    {"ministral3",
	"\"model_type\": \"ministral3\", \"num_attention_heads\": 4, \"head_dim\": 16, "
	"\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4, "
	"\"original_max_position_embeddings\": 15, \"llama_4_scaling_beta\": 0.4}"},
    {"cohere2",
	"\"model_type\": \"cohere2\", \"num_attention_heads\": 4, "
	"\"num_key_value_heads\": 2, \"sliding_window\": 7, \"layer_types\": "
	"[\"sliding_attention\", \"full_attention\", \"sliding_attention\"]"},
    {"gpt_oss",
	"\"model_type\": \"gpt_oss\", \"num_attention_heads\": 4, "
	"\"num_key_value_heads\": 2, \"head_dim\": 12, \"num_local_experts\": 5, "
	"\"num_experts_per_tok\": 2, \"sliding_window\": 7"},
    {"glm4", "\"model_type\": \"glm4\", \"num_attention_heads\": 4, \"head_dim\": 12"},
    {"deepseek_v3",
	"\"model_type\": \"deepseek_v3\", \"num_attention_heads\": 4, \"q_lora_rank\": 24, "
	"\"kv_lora_rank\": 20, \"qk_nope_head_dim\": 12, \"qk_rope_head_dim\": 8, "
	"\"v_head_dim\": 10, \"n_routed_experts\": 8, \"n_group\": 2, \"topk_group\": 1, "
	"\"num_experts_per_tok\": 3, \"moe_intermediate_size\": 16, "
	"\"first_k_dense_replace\": 1"},
};

static struct fc_err err;
static uint32_t tok[N];
static const struct fc_batch batch = {tok, off, 5};

/* The text of config.json; the caller's to free(). */
static char *config_text(const char *more)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b,
	    "{\"vocab_size\": %d, \"hidden_size\": %d, \"intermediate_size\": %d, "
	    "\"num_hidden_layers\": %d, \"rms_norm_eps\": 1e-5, %s}",
	    V, C, F, LAYERS, more);
	return fc_buf_detach(&b);
}

/* largest |a - b| / largest |b| */
static double distance(const float *a, const float *b, size_t n)
{
	double worst = 0, scale = 0;
	for (size_t i = 0; i < n; i++) {
		worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
		scale = fmax(scale, fabs((double)b[i]));
		if (isnan(a[i]) || isnan(b[i]))
			return INFINITY;
	}
	return worst / scale;
}

/* x [off[n_seq], C] */
static void hidden(struct fc_nn *nn, const struct fc_model *m, const struct fc_batch *b, float *x)
{
	fc_model_hidden(nn, m, b, OUT(nn, x, b->off[b->n_seq] * C), &err);
	device_back(nn);
}

static int forward(struct fc_nn *nn, const struct fc_model *m, struct fc_kvcache *cache,
    const struct fc_batch *b, const size_t *slot, float *x)
{
	const int ret = fc_kvcache_forward(nn, m, cache, b, slot, OUT(nn, x, b->n_seq * C), &err);
	device_back(nn);
	return ret;
}

static void test_packing(
    struct fc_nn *nn, const struct fc_model *m, const char *name, const float *x)
{
	float *one = FC_ARRAY(float, (size_t)N *C);
	for (size_t s = 0; s < batch.n_seq; s++) {
		const size_t alone[] = {0, off[s + 1] - off[s]};
		hidden(nn, m, &(struct fc_batch){tok + off[s], alone, 1}, one + off[s] * C);
	}
	double d = distance(x, one, (size_t)N * C);
	T_OK(d < ORDERS, "%s: packed = one by one (%.2g)", name, d);
	free(one);
}

/* The state of a sequence's n-th token: the row of x, or, where rotations are by the length of the
 * sequence, that of a pass over so many tokens. */
static void last_state(struct fc_nn *nn, const struct fc_model *m, const float *x, size_t seq,
    size_t n, float want[static C])
{
	const size_t whole[] = {0, n};
	static float all[N * C];
	if (m->cfg.rope.scaling == FC_ROPE_DYNAMIC || m->cfg.rope.scaling == FC_ROPE_LONGROPE) {
		hidden(nn, m, &(struct fc_batch){tok + off[seq], whole, 1}, all);
		memcpy(want, all + (n - 1) * C, C * sizeof *want);
	} else
		memcpy(want, x + (off[seq] + n - 1) * C, C * sizeof *want);
}

/* Sequences enter in pieces of different lengths, in changing company and in other slots; x: the
 * states of all of them at once. */
static void test_kvcache(
    struct fc_nn *nn, const struct fc_model *m, const char *name, const float *x)
{
	static const size_t piece[] = {30, 1, 1, 5, 1, 40, 1, 1, 3, 100};
	static const size_t seqs[] = {0, 3, 4}, slots[] = {2, 0, 3};
	struct fc_kvcache *cache = fc_kvcache_new(nn, m, 4, 90);
	double worst = 0;
	size_t at[3] = {0}, checked = 0;
	for (size_t step = 0; step < FC_LEN(piece); step++) {
		uint32_t in[N];
		size_t o[4] = {0}, slot[3], who[3], n = 0;
		float out[3 * C];
		for (size_t i = 0; i < 3; i++) {
			const size_t left = off[seqs[i] + 1] - off[seqs[i]] - at[i];
			const size_t take = piece[(step + i) % FC_LEN(piece)];
			const size_t len = take < left ? take : left;
			if (!len)
				continue;
			memcpy(in + o[n], tok + off[seqs[i]] + at[i], len * sizeof *in);
			o[n + 1] = o[n] + len;
			slot[n] = slots[i];
			who[n++] = i;
			at[i] += len;
		}
		if (!n)
			break;
		if (forward(nn, m, cache, &(struct fc_batch){in, o, n}, slot, out) < 0)
			worst = INFINITY;
		for (size_t i = 0; i < n; i++, checked++) {
			float want[C];
			last_state(nn, m, x, seqs[who[i]], at[who[i]], want);
			worst = fmax(worst, distance(out + i * C, want, C));
		}
	}
	T_OK(checked > 12 && worst < ORDERS, "%s: with a cache = at once (%zu rows, %.2g)", name,
	    checked, worst);
	const size_t o[] = {0, 60}, slot[] = {1};
	float out[C];
	T_OK(forward(nn, m, cache, &(struct fc_batch){tok, o, 1}, slot, out) == 0 &&
		forward(nn, m, cache, &(struct fc_batch){tok, o, 1}, slot, out) < 0 &&
		strstr(err.msg, "context of 90"),
	    "%s: a full cache is refused", name);
	fc_kvcache_reserve(cache, 1, 20);
	T_OK(forward(nn, m, cache, &(struct fc_batch){tok, o, 1}, slot, out) == 0 &&
		forward(nn, m, cache, &(struct fc_batch){tok, o, 1}, slot, out) < 0 &&
		strstr(err.msg, "of 140"),
	    "%s: less room keeps the first tokens: %s", name, err.msg);
	fc_kvcache_reserve(cache, 1, 0);
	const size_t all[] = {0, 90};
	T_OK(forward(nn, m, cache, &(struct fc_batch){tok, all, 1}, slot, out) == 0,
	    "%s: memory given back comes again, empty", name);
	fc_kvcache_free(cache);
}

static void step(struct fc_nn *nn, struct fc_params *p, struct fc_loss *loss)
{
	static uint32_t pos[N], target[N];
	static float sft[N], kd[N];
	size_t n = 0;
	for (size_t i = 0; i + 1 < N; i += 1 + i % 3, n++) {
		pos[n] = (uint32_t)i;
		target[n] = tok[i + 1];
		sft[n] = 0.01f;
	}
	fc_params_zero_grad(p);
	*loss = (struct fc_loss){0};
	fc_params_step(
	    nn, p, &batch, &(struct fc_targets){pos, target, sft, kd, NULL, n}, true, loss, &err);
}

static float *all_gradients(const struct fc_params *p, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < p->n; i++)
		*n += p->v[i].n;
	float *g = FC_ARRAY(float, *n), *to = g;
	for (size_t i = 0; i < p->n; to += p->v[i++].n)
		fc_nn_get(p->model.nn, to, p->v[i].g, p->v[i].n * sizeof *g);
	return g;
}

/* p: NULL for a model that is not trained. */
static void test_threads(
    struct fc_nn *nn, const struct fc_model *m, struct fc_params *p, const char *name, double bound)
{
	float *x[3], *g[3] = {NULL};
	struct fc_loss loss[3] = {{0}};
	size_t n = 0;
	for (int i = 0; i < 3; i++) {
		fc_par_init(i == 0 ? 1 : 2);
		x[i] = FC_ARRAY(float, (size_t)N *C);
		hidden(nn, m, &batch, x[i]);
		if (!p)
			continue;
		step(nn, p, &loss[i]);
		g[i] = all_gradients(p, &n);
	}
	T_OK(!memcmp(x[1], x[2], (size_t)N * C * sizeof(float)) &&
		(!p || !memcmp(g[1], g[2], n * sizeof(float))) &&
		!memcmp(&loss[1], &loss[2], sizeof loss[1]),
	    "%s: two threads give the same bits every time", name);
	double dx = distance(x[2], x[0], (size_t)N * C), dg = p ? distance(g[2], g[0], n) : 0;
	T_OK(dx <= bound && dg <= bound, "%s: two threads = one (hidden %.2g, gradients %.2g)",
	    name, dx, dg);
	for (int i = 0; i < 3; i++) {
		free(x[i]);
		free(g[i]);
	}
}

/* What is trained and saved is the file again: its names, shapes and bytes. */
static void test_saved(struct fc_params *p, const struct fc_model *m, const char *name)
{
	char dir[] = "/tmp/fc-saved-XXXXXX";
	struct fc_store *s = NULL;
	if (!T_OK(mkdtemp(dir) &&
		    fc_params_save(
			p, dir, FC_F32, &(struct fc_rounding){0}, (size_t)1 << 30, &err) == 0 &&
		    fc_store_open(&s, dir, &err) == 0,
		"%s: saved", name))
		return;
	bool same = fc_store_count(s) == fc_store_count(m->store);
	for (size_t i = 0; same && i < fc_store_count(s); i++) {
		const struct fc_tensor *a = fc_store_at(s, i), *b = fc_store_at(m->store, i);
		same = !strcmp(a->name, b->name) && fc_tensor_same_shape(a, b) &&
		    !memcmp(a->data, b->data, a->n_bytes);
	}
	T_OK(same, "%s: what is saved is what was opened", name);
	fc_store_close(s);
	remove_model_files(dir);
	rmdir(dir);
}

static void test_model(size_t which, const char *dir)
{
	const char *name = models[which].name;
	char *config = config_text(models[which].config);
	struct fc_rng rng;
	err.msg[0] = 0;
	struct fc_nn *nn = NULL;
	struct fc_model *m = NULL;
	struct fc_params *p = NULL;
	float *x = FC_ARRAY(float, (size_t)N *C);
	fc_rng_seed(&rng, 3 + which);
	for (size_t i = 0; i < N; i++)
		tok[i] = (uint32_t)fc_rng_below(&rng, V);
	nn = open_nn(FC_COMPUTE_F32);
	if (T_OK(write_random_model(dir, config, which, &err) == 0 &&
		    fc_model_open(&m, dir, nn, &err) == 0,
		"%s: opened %s", name, err.msg)) {
		hidden(nn, m, &batch, x);
		test_packing(nn, m, name, x);
		test_kvcache(nn, m, name, x);
		if (m->cfg.family->trains)
			T_OK(fc_params_open(&p, dir, nn, &err) == 0, "%s: trains", name);
		else
			T_OK(fc_params_open(&p, dir, nn, &err) < 0 &&
				strstr(err.msg, "training one is not supported"),
			    "%s: refused for training", name);
		test_threads(nn, m, p, name, 0); /* nn.h promises the same bits */
		if (p)
			test_saved(p, m, name);
	}
	fc_params_free(p);
	fc_model_close(m);
	fc_nn_close(nn);
	remove_model_files(dir);
	free(x);
	free(config);
}

/* Larger than fc_params_init() makes them, so that every part of a block shows in the result. */
static void enlarge(struct fc_params *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const size_t bytes = p->v[i].n * sizeof(float);
		float *w = device_read(p->model.nn, p->v[i].w, bytes);
		for (size_t j = 0; j < p->v[i].n; j++)
			w[j] *= p->v[i].decay ? 8 : 1 + 0.01f * (float)(j % 7);
		fc_nn_put(p->model.nn, p->v[i].w, w, bytes);
		free(w);
	}
	fc_params_refresh(p);
}

static char *config_file(const char *dir)
{
	char *path = fc_path_join(dir, "config.json"), *text = config_text(models[0].config);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	free(text);
	return path;
}

/* bfloat16 against float32 on the same weights: the loss and the direction of the gradient. */
static void test_bf16(const char *dir)
{
	char *path = config_file(dir);
	static const enum fc_compute compute[] = {FC_COMPUTE_F32, FC_COMPUTE_BF16};
	err.msg[0] = 0;
	struct fc_nn *nn[2] = {NULL};
	struct fc_params *p[2] = {NULL};
	struct fc_loss loss[2];
	float *g[2];
	size_t n = 0;
	for (int i = 0; i < 2; i++) {
		struct fc_rng rng;
		fc_rng_seed(&rng, 9);
		nn[i] = open_nn(compute[i]);
		if (!T_OK(fc_params_init(&p[i], path, nn[i], &rng, &err) == 0,
			"bf16: initialised %s", err.msg))
			return;
		enlarge(p[i]);
		step(nn[i], p[i], &loss[i]);
		g[i] = all_gradients(p[i], &n);
	}
	double dot = 0, aa = 0, bb = 0;
	for (size_t i = 0; i < n; i++) {
		dot += (double)g[0][i] * (double)g[1][i];
		aa += (double)g[0][i] * (double)g[0][i];
		bb += (double)g[1][i] * (double)g[1][i];
	}
	T_OK(fabs(loss[1].sft / loss[0].sft - 1) < BF16_FORWARD, "bf16: loss (%.5g, float32 %.5g)",
	    loss[1].sft, loss[0].sft);
	/* forward and back, half a step each: the angle that such a relative error makes */
	T_OK(dot / sqrt(aa * bb) > 1 - BF16_FORWARD * BF16_FORWARD / 2,
	    "bf16: direction of the gradient (cosine %.6f)", dot / sqrt(aa * bb));
	const struct fc_param *v = &p[1]->v[0];
	float *w = device_read(nn[1], v->w, v->n * sizeof *w);
	uint16_t *half = v->bf16 ? device_read(nn[1], v->bf16, v->n * sizeof *half) : NULL;
	T_OK(half && half[5] == fc_f32_to_bf16(w[5]), "bf16: copies follow the weights");
	free(w);
	free(half);
	test_threads(nn[1], &p[1]->model, p[1], "bf16", 2 * BF16_FORWARD);
	for (int i = 0; i < 2; i++) {
		free(g[i]);
		fc_params_free(p[i]);
		fc_nn_close(nn[i]);
	}
	unlink(path);
	free(path);
}

static void test_bad_batches(const char *dir)
{
	char *path = config_file(dir);
	err.msg[0] = 0;
	struct fc_nn *nn = NULL;
	struct fc_params *p = NULL;
	struct fc_rng rng;
	struct fc_loss loss = {0};
	static float w[2] = {1, 1};
	fc_rng_seed(&rng, 1);
	nn = open_nn(FC_COMPUTE_F32);
	fc_params_init(&p, path, nn, &rng, &err);
	const uint32_t high[] = {1, V}, good[] = {1, V - 1}, target[] = {1, 2};
	const uint32_t twice[] = {1, 1}, rows[] = {0, 1};
	const size_t o[] = {0, 2};
	float *x = fc_nn_alloc(nn, N * C, sizeof *x);
	const struct fc_batch b = {good, o, 1};
	T_OK(fc_model_hidden(nn, &p->model, &b, x, &err) == 0, "the last id of the vocabulary");
	T_OK(fc_model_hidden(nn, &p->model, &(struct fc_batch){high, o, 1}, x, &err) < 0 &&
		strstr(err.msg, "token 101"),
	    "an id beyond is refused");
	T_OK(fc_model_hidden(nn, &p->model, &(struct fc_batch){NULL, o, 0}, x, &err) == 0,
	    "a batch without tokens");
	struct fc_targets t = {rows, target, w, w, NULL, 2};
	fc_params_zero_grad(p);
	T_OK(fc_params_step(nn, p, &b, &t, true, &loss, &err) == 0, "rows in order");
	t.row_pos = twice;
	T_OK(fc_params_step(nn, p, &b, &t, true, &loss, &err) < 0, "a row twice is refused");
	t.row_pos = rows;
	t.target = high;
	T_OK(fc_params_step(nn, p, &b, &t, true, &loss, &err) < 0, "a target beyond is refused");
	fc_nn_free(nn, x);
	fc_params_free(p);
	fc_nn_close(nn);
	unlink(path);
	free(path);
}

int main(void)
{
	char dir[] = "/tmp/fc-pass-XXXXXX";
	if (!T_OK(mkdtemp(dir) != NULL, "temporary folder"))
		return t_done();
	for (size_t i = 0; i < FC_LEN(models); i++)
		test_model(i, dir);
	test_bf16(dir);
	test_bad_batches(dir);
	rmdir(dir);
	return t_done();
}
