/* SPDX-License-Identifier: Apache-2.0 */
/* Loss and gradients of a training step against a double-precision model: every element of every
 * parameter is moved both ways (central differences). */
#include <unistd.h>

#include "base/mem.h"
#include "base/par.h"
#include "model/params.h"
#include "t.h"

#include "device.h"
#include "slowmodel.h"

/* Three packed sequences; the loss is on some positions only. */
static const uint32_t tok[] = {1, 4, 9, 9, 0, 3, 10, 2, 5};
static const size_t off[] = {0, 5, 8, 9};
static const struct fc_batch batch = {tok, off, 3};
static const uint32_t row_pos[] = {0, 2, 3, 4, 6, 8};
static const uint32_t target[] = {4, 9, FC_NO_TARGET, 7, 2, 1};
static const float sft_weight[] = {0.3f, 0.1f, 0, -0.2f, 0, 0.15f};
static const float kd_weight[] = {0.1f, 0, 0.25f, 0.4f, 0.2f, 0};
static const uint32_t row_off[] = {0, 3, 3, 5, 6, 9, 9};
static const uint32_t teacher_id[] = {4, 0, 2, 9, 1, 3, 10, 8, 2};
static const float teacher_logprob[] = {-0.3f, -1.9f, -2.5f, -0.5f, -1.2f, -0.1f, -1, -1.1f, -2};
static const struct fc_teacher teacher = {
    row_off, teacher_id, teacher_logprob, {FC_LOSS_CE, FC_ROW_RENORMALISED, 0, 2}};
static const struct fc_targets targets = {row_pos, target, sft_weight, kd_weight, &teacher, 6};

/* Roundings after each other in two layers: sums of C = 8 four times, of F = 7, of at most 5 keys,
 * and 40 of norms, rotations and activations. */
#define FORWARD (2 * (4 * 8 + 7 + 5 + 40) * T_U)

static struct fc_err err;

static double log_prob(const double *logits, size_t n, size_t id)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += exp(logits[i]);
	return logits[id] - log(sum);
}

/* One row's weighted sum of the SFT and the fusion loss. */
static double row_loss(const double *logits, size_t V, size_t r)
{
	double loss = 0, mass = 0;
	if (target[r] != FC_NO_TARGET)
		loss -= (double)sft_weight[r] * log_prob(logits, V, target[r]);
	for (size_t i = row_off[r]; i < row_off[r + 1]; i++)
		mass += exp((double)teacher_logprob[i] / teacher.objective.temperature);
	for (size_t i = row_off[r]; i < row_off[r + 1]; i++)
		loss -= (double)kd_weight[r] *
		    exp((double)teacher_logprob[i] / teacher.objective.temperature) / mass *
		    log_prob(logits, V, teacher_id[i]);
	return loss;
}

static double slow_loss(const struct slow_model *m)
{
	const size_t V = m->c->n_vocab;
	double *logits = calloc(off[3] * V, sizeof *logits), loss = 0;
	for (size_t s = 0; s < batch.n_seq; s++)
		slow_forward(m, tok + off[s], off[s + 1] - off[s], logits + off[s] * V);
	for (size_t r = 0; r < targets.n; r++)
		loss += row_loss(logits + row_pos[r] * V, V, r);
	free(logits);
	return loss;
}

/* The largest difference over the tensor's largest difference quotient. */
static double gradient_error(struct slow_model *slow, size_t i, const float *g)
{
	const double h = 1e-4;
	double worst = 0, scale = 1e-6, *w = slow->t[i].w;
	for (size_t j = 0; j < slow->t[i].n; j++) {
		const double at = w[j];
		w[j] = at + h;
		double up = slow_loss(slow);
		w[j] = at - h;
		double quotient = (up - slow_loss(slow)) / (2 * h);
		w[j] = at;
		worst = fmax(worst, fabs((double)g[j] - quotient));
		scale = fmax(scale, fabs(quotient));
	}
	return worst / scale;
}

static struct slow_model slow_of(struct fc_params *p)
{
	struct slow_model slow = {&p->model.cfg, FC_ARRAY(struct slow_tensor, p->n), p->n};
	for (size_t i = 0; i < p->n; i++) {
		slow.t[i] = (struct slow_tensor){.n = p->v[i].n, .w = FC_ARRAY(double, p->v[i].n)};
		slow_name(&slow.t[i], p->v[i].name);
		float *w = FC_ARRAY(float, p->v[i].n);
		for (size_t j = 0; j < p->v[i].n; j++) {
			w[j] = (float)slow_weight(&p->model.cfg, p->v[i].name, j);
			slow.t[i].w[j] = (double)w[j];
		}
		fc_nn_put(p->model.nn, p->v[i].w, w, p->v[i].n * sizeof *w);
		free(w);
	}
	fc_params_refresh(p);
	return slow;
}

/* Of the first token's embedding. */
static float first_gradient(const struct fc_params *p)
{
	float g;
	fc_nn_get(p->model.nn, &g, p->v[0].g + tok[0] * p->v[0].dim[1], sizeof g);
	return g;
}

/* All gradients behind each other. */
static float *all_gradients(struct fc_nn *nn, const struct fc_params *p, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < p->n; i++)
		*n += p->v[i].n;
	float *all = fc_calloc(*n, sizeof *all);
	for (size_t i = 0, at = 0; i < p->n; at += p->v[i++].n)
		fc_nn_get(nn, all + at, p->v[i].g, p->v[i].n * sizeof *all);
	return all;
}

/* What layers keep changes no bit, of one batch and of two that go through the layers together. */
static void check_kept(struct fc_nn *nn, struct fc_params *p, const char *name)
{
	struct fc_loss loss = {0};
	const struct fc_step_batch two[] = {{&batch, &targets, &loss}, {&batch, &targets, &loss}};
	float *g[2][2] = {{NULL}};
	size_t n = 0;
	for (size_t kept = 0; kept < 2; kept++) {
		p->n_keep = 1 + kept;
		for (size_t b = 0; b < 2; b++) {
			fc_params_zero_grad(p);
			fc_params_steps(nn, p, two, 1 + b, NULL, &err);
			g[kept][b] = all_gradients(nn, p, &n);
		}
	}
	for (size_t b = 0; b < 2; b++) {
		T_OK(!memcmp(g[0][b], g[1][b], n * sizeof(float)),
		    "%s: the same gradients with both layers kept, %zu batches", name, 1 + b);
		free(g[0][b]);
		free(g[1][b]);
	}
}

static void check_step(struct fc_nn *nn, struct fc_params *p, const char *name)
{
	struct slow_model slow = slow_of(p);
	struct fc_loss loss = {0}, again = {0};
	double want = slow_loss(&slow), worst = 0;
	size_t worst_at = 0;
	fc_params_zero_grad(p);
	if (!T_OK(fc_params_step(nn, p, &batch, &targets, false, &again, &err) == 0 &&
		    fc_params_step(nn, p, &batch, &targets, true, &loss, &err) == 0,
		"%s: step %s", name, err.msg))
		goto out;
	T_OK(t_near(loss.sft + loss.kd, want, FORWARD), "%s: loss (got %.9g, expected %.9g)", name,
	    loss.sft + loss.kd, want);
	T_OK(loss.sft == again.sft && loss.kd == again.kd,
	    "%s: the same loss without a backward pass", name);
	for (size_t i = 0; i < p->n; i++) {
		float *g = device_read(nn, p->v[i].g, p->v[i].n * sizeof *g);
		double wrong = gradient_error(&slow, i, g);
		free(g);
		if (!(wrong <= worst)) {
			worst = wrong;
			worst_at = i;
		}
	}
	/* forward, and the transposed twice; central differences are off by a millionth */
	T_OK(worst < 3 * FORWARD + 1e-6, "%s: gradients of %zu tensors (worst %.2g, %s)", name,
	    p->n, worst, p->v[worst_at].name);
	const float before = first_gradient(p);
	fc_params_step(nn, p, &batch, &targets, true, &loss, &err);
	T_OK(t_near((double)first_gradient(p), 2 * (double)before, 2 * T_U), "%s: gradients add up",
	    name);
	fc_params_zero_grad(p);
	T_OK(first_gradient(p) == 0, "%s: and are cleared", name);
	check_kept(nn, p, name);
out:
	for (size_t i = 0; i < slow.n; i++)
		free(slow.t[i].w);
	free(slow.t);
}

static void test_family(const char *name, const char *extra)
{
	char path[] = "/tmp/fc-grad-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	fprintf(f,
	    "{\"vocab_size\": 11, \"hidden_size\": 8, \"intermediate_size\": 7, "
	    "\"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	    "\"head_dim\": 4, \"rms_norm_eps\": 1e-5, %s}",
	    extra);
	fclose(f);
	err.msg[0] = 0;
	struct fc_nn *nn = NULL;
	struct fc_params *p = NULL;
	struct fc_rng rng;
	fc_rng_seed(&rng, 1);
	nn = open_nn(FC_COMPUTE_F32);
	if (T_OK(
		fc_params_init(&p, path, nn, &rng, &err) == 0, "%s: initialised %s", name, err.msg))
		check_step(nn, p, name);
	fc_params_free(p);
	fc_nn_close(nn);
	unlink(path);
}

int main(void)
{
	fc_par_init(1); /* products this small only wait for each other */
	test_family(
	    "llama", "\"model_type\": \"llama\", \"attention_bias\": true, \"mlp_bias\": true");
	test_family("mistral", "\"model_type\": \"mistral\", \"sliding_window\": 2");
	test_family("qwen2", "\"model_type\": \"qwen2\", \"tie_word_embeddings\": true");
	test_family("qwen3", "\"model_type\": \"qwen3\"");
	test_family("gemma", "\"model_type\": \"gemma\", \"torch_dtype\": \"bfloat16\"");
	test_family("gelu",
	    "\"model_type\": \"llama\", \"hidden_act\": \"gelu\", "
	    "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}");
	test_family("gemma2",
	    "\"model_type\": \"gemma2\", \"sliding_window\": 2, \"query_pre_attn_scalar\": 6, "
	    "\"attn_logit_softcapping\": 0.5, \"final_logit_softcapping\": 1.5");
	test_family("gemma3",
	    "\"model_type\": \"gemma3_text\", \"sliding_window\": 2, "
	    "\"sliding_window_pattern\": 2, \"rope_local_base_freq\": 50, "
	    "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8}");
	test_family("phi3",
	    "\"model_type\": \"phi3\", \"max_position_embeddings\": 64, "
	    "\"original_max_position_embeddings\": 4, \"rope_scaling\": {\"type\": \"longrope\", "
	    "\"short_factor\": [1, 1.5], \"long_factor\": [1.2, 4]}");
	test_family("internlm2",
	    "\"model_type\": \"internlm2\", \"bias\": true, \"max_position_embeddings\": 4, "
	    "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}");
	test_family("yarn",
	    "\"model_type\": \"qwen2\", \"rope_theta\": 20, \"rope_scaling\": {\"type\": \"yarn\", "
	    "\"factor\": 4, \"original_max_position_embeddings\": 12, \"beta_fast\": 1.5, "
	    "\"beta_slow\": 0.5}");
	test_family("granite",
	    "\"model_type\": \"granite\", \"embedding_multiplier\": 3, "
	    "\"attention_multiplier\": 0.7, \"residual_multiplier\": 0.4, "
	    "\"logits_scaling\": 0.5");
	test_family("smollm3", "\"model_type\": \"smollm3\", \"no_rope_layer_interval\": 2");
	test_family("olmo2", "\"model_type\": \"olmo2\"");
	test_family("olmo3",
	    "\"model_type\": \"olmo3\", \"sliding_window\": 2, \"layer_types\": "
	    "[\"full_attention\", \"sliding_attention\"], \"rope_scaling\": {\"type\": "
	    "\"linear\", \"factor\": 4}");
	test_family("ministral3",
	    "\"model_type\": \"ministral3\", \"rope_parameters\": {\"rope_type\": \"yarn\", "
	    "\"rope_theta\": 20, \"factor\": 4, \"original_max_position_embeddings\": 2, "
	    "\"mscale\": 1, \"mscale_all_dim\": 1, \"llama_4_scaling_beta\": 0.5}");
	test_family("cohere", "\"model_type\": \"cohere\", \"logit_scale\": 0.7");
	test_family("cohere2",
	    "\"model_type\": \"cohere2\", \"logit_scale\": 2, \"sliding_window\": 2, "
	    "\"layer_types\": [\"full_attention\", \"sliding_attention\"]");
	test_family("glm", "\"model_type\": \"glm\"");
	test_family("glm4", "\"model_type\": \"glm4\"");
	test_family("mixtral",
	    "\"model_type\": \"mixtral\", \"num_local_experts\": 5, \"num_experts_per_tok\": 2");
	test_family("qwen3_moe",
	    "\"model_type\": \"qwen3_moe\", \"num_experts\": 4, \"num_experts_per_tok\": 3, "
	    "\"moe_intermediate_size\": 5, \"norm_topk_prob\": true");
	test_family("gpt2",
	    "\"model_type\": \"gpt2\", \"n_embd\": 8, \"n_inner\": 7, \"n_layer\": 2, "
	    "\"n_head\": 2, \"n_positions\": 6");
	test_family("gpt_neox", "\"model_type\": \"gpt_neox\", \"rotary_pct\": 0.5");
	test_family("gpt_neox, serial",
	    "\"model_type\": \"gpt_neox\", \"use_parallel_residual\": false, \"rotary_pct\": 0.5");
	test_family("mpt",
	    "\"model_type\": \"mpt\", \"d_model\": 8, \"n_layers\": 2, \"n_heads\": 4, "
	    "\"expansion_ratio\": 1, \"attn_config\": {\"clip_qkv\": 0.35}");
	return t_done();
}
