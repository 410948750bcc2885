/* SPDX-License-Identifier: Apache-2.0 */
/* Adapters: loss and gradients against a double-precision model whose weights have the adapter
 * merged into them, by central differences; DoRA's lengths of rows are held where they are, as its
 * paper has it. */
#include <unistd.h>

#include "base/mem.h"
#include "base/par.h"
#include "model/lora.h"
#include "t.h"

#include "device.h"
#include "model_files.h"
#include "slowmodel.h"

static const uint32_t tok[] = {1, 4, 9, 9, 0, 3, 10, 2, 5};
static const size_t off[] = {0, 5, 8, 9};
static const struct fc_batch batch = {tok, off, 3};
static const uint32_t row_pos[] = {0, 2, 3, 4, 6, 8};
static const uint32_t target[] = {4, 9, 1, 7, 2, 1};
static const float weight[] = {0.3f, 0.1f, 0.2f, -0.2f, 0.1f, 0.15f}, none[6];
static const struct fc_targets targets = {row_pos, target, weight, none, NULL, 6};

/* Roundings after each other in two layers: sums of C = 8 four times, of F = 7, of at most 5 keys,
 * of the rank and 40 of norms, rotations and activations, each with an adapter's beside it. */
#define FORWARD (2 * 2 * (4 * 8 + 7 + 5 + 3 + 40) * T_U)

static char dir[] = "/tmp/fc-lora-XXXXXX";
static struct fc_err err;

/* One adapter in double precision, and the base's weight W [O,I] that it is on. */
struct slow_lora {
	size_t r, O, I;
	double *a, *b, *m; /* [r,I], [r,O], [O] or NULL */
	double *base, *length, scale;
	struct slow_tensor *merged;
};

struct slow {
	struct slow_model model;
	struct slow_lora *lora;
	size_t n;
};

/* W' = m / length (W + s B A) */
static void merge_lora(const struct slow_lora *l)
{
	for (size_t o = 0; o < l->O; o++)
		for (size_t i = 0; i < l->I; i++) {
			double w = l->base[o * l->I + i];
			for (size_t k = 0; k < l->r; k++)
				w += l->scale * l->b[k * l->O + o] * l->a[k * l->I + i];
			l->merged->w[o * l->I + i] = l->m ? w * l->m[o] / l->length[o] : w;
		}
}

static void measure_rows(struct slow_lora *l)
{
	for (size_t o = 0; o < l->O; o++) {
		double sum = 0;
		for (size_t i = 0; i < l->I; i++) {
			double w = l->base[o * l->I + i];
			for (size_t k = 0; k < l->r; k++)
				w += l->scale * l->b[k * l->O + o] * l->a[k * l->I + i];
			sum += w * w;
		}
		l->length[o] = sqrt(sum);
	}
}

static double *doubles_of(struct fc_nn *nn, const struct fc_param *v)
{
	float *w = device_read(nn, v->w, v->n * sizeof *w);
	double *d = FC_ARRAY(double, v->n);
	for (size_t i = 0; i < v->n; i++)
		d[i] = (double)w[i];
	free(w);
	return d;
}

/* The base's tensors from the file. */
static void read_base(struct slow *s, const struct fc_params *p)
{
	const struct fc_store *store = p->model.store;
	s->model = (struct slow_model){&p->model.cfg,
	    FC_ARRAY(struct slow_tensor, fc_store_count(store)), fc_store_count(store)};
	for (size_t i = 0; i < s->model.n; i++) {
		const struct fc_tensor *t = fc_store_at(store, i);
		const size_t n = t->n_bytes / fc_dtype_size(t->dtype);
		s->model.t[i] = (struct slow_tensor){.n = n, .w = FC_ARRAY(double, n)};
		slow_name(&s->model.t[i], t->name);
		fc_tensor_to_f64(t, 0, n, s->model.t[i].w);
	}
}

/* The tensor that parameter v, an A, is on. */
static struct slow_tensor *adapted(struct slow *s, const struct fc_params *p, const char *name)
{
	const char *module = name + strlen(FC_LORA_PREFIX);
	const size_t n = (size_t)(strstr(module, ".lora_A") - module);
	for (size_t i = 0; i < s->model.n; i++) {
		const char *t = fc_store_at(p->model.store, i)->name;
		if (!strncmp(t, module, n) && !strcmp(t + n, ".weight"))
			return &s->model.t[i];
	}
	return NULL;
}

static struct slow slow_of(const struct fc_params *p, const struct fc_lora_spec *spec)
{
	struct slow s = {.n = p->n / (spec->dora ? 3 : 2)};
	read_base(&s, p);
	s.lora = FC_ARRAY(struct slow_lora, s.n);
	for (size_t i = 0; i < s.n; i++) {
		const struct fc_param *v = &p->v[i * (spec->dora ? 3 : 2)];
		struct slow_lora *l = &s.lora[i];
		l->r = spec->r;
		l->I = (size_t)v[0].dim[1];
		l->O = (size_t)v[1].dim[1];
		l->scale = spec->rslora ? spec->alpha / sqrt((double)spec->r)
					: spec->alpha / (double)spec->r;
		l->a = doubles_of(p->model.nn, &v[0]);
		l->b = doubles_of(p->model.nn, &v[1]);
		l->m = spec->dora ? doubles_of(p->model.nn, &v[2]) : NULL;
		l->merged = adapted(&s, p, v[0].name);
		l->base = FC_ARRAY(double, l->O * l->I);
		memcpy(l->base, l->merged->w, l->O * l->I * sizeof *l->base);
		l->length = FC_ARRAY(double, l->O);
		measure_rows(l);
		merge_lora(l);
	}
	return s;
}

static void slow_release(struct slow *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->lora[i].a);
		free(s->lora[i].b);
		free(s->lora[i].m);
		free(s->lora[i].base);
		free(s->lora[i].length);
	}
	for (size_t i = 0; i < s->model.n; i++)
		free(s->model.t[i].w);
	free(s->model.t);
	free(s->lora);
}

static double slow_loss(const struct slow *s)
{
	const size_t V = s->model.c->n_vocab;
	double *logits = FC_ARRAY(double, off[3] * V), loss = 0;
	for (size_t i = 0; i < batch.n_seq; i++)
		slow_forward(&s->model, tok + off[i], off[i + 1] - off[i], logits + off[i] * V);
	for (size_t r = 0; r < targets.n; r++) {
		const double *row = logits + row_pos[r] * V;
		double sum = 0;
		for (size_t v = 0; v < V; v++)
			sum += exp(row[v]);
		loss -= (double)weight[r] * (row[target[r]] - log(sum));
	}
	free(logits);
	return loss;
}

/* The largest difference over the largest difference quotient. */
static double gradient_error(
    const struct slow *s, const struct slow_lora *l, double *x, size_t n, const float *g)
{
	const double h = 1e-4;
	double worst = 0, scale = 1e-6;
	for (size_t j = 0; j < n; j++) {
		const double at = x[j];
		x[j] = at + h;
		merge_lora(l);
		double up = slow_loss(s);
		x[j] = at - h;
		merge_lora(l);
		const double quotient = (up - slow_loss(s)) / (2 * h);
		x[j] = at;
		worst = fmax(worst, fabs((double)g[j] - quotient));
		scale = fmax(scale, fabs(quotient));
	}
	merge_lora(l);
	return worst / scale;
}

/* Of all parameters with that place in their adapter: 0 A, 1 B, 2 m. */
static double worst_gradient(
    const struct slow *s, const struct fc_params *p, size_t part, size_t n_part)
{
	double worst = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct fc_param *v = &p->v[i * n_part + part];
		struct slow_lora *l = &s->lora[i];
		float *g = device_read(p->model.nn, v->g, v->n * sizeof *g);
		double *x = part == 0 ? l->a : part == 1 ? l->b : l->m;
		worst = fmax(worst, gradient_error(s, l, x, v->n, g));
		free(g);
	}
	return worst;
}

/* B and m as after some training. */
static void move_params(struct fc_params *p)
{
	struct fc_rng rng;
	fc_rng_seed(&rng, 5);
	for (size_t i = 0; i < p->n; i++) {
		float *w = device_read(p->model.nn, p->v[i].w, p->v[i].n * sizeof *w);
		for (size_t j = 0; j < p->v[i].n; j++)
			w[j] = (float)((double)w[j] * (1 + 0.1 * fc_rng_normal(&rng)) +
			    0.1 * fc_rng_normal(&rng));
		fc_nn_put(p->model.nn, p->v[i].w, w, p->v[i].n * sizeof *w);
		free(w);
	}
	fc_params_refresh(p);
}

static bool near_slow(
    struct fc_nn *nn, struct fc_params *p, const struct fc_lora_spec *spec, const char *name)
{
	struct fc_loss loss = {0};
	struct slow s = slow_of(p, spec);
	const double want = slow_loss(&s);
	fc_params_step(nn, p, &batch, &targets, false, &loss, &err);
	const bool near = T_OK(
	    t_near(loss.sft, want, FORWARD), "%s (got %.9g, expected %.9g)", name, loss.sft, want);
	slow_release(&s);
	return near;
}

static void check_lora(
    struct fc_nn *nn, struct fc_params *p, const struct fc_lora_spec *spec, const char *name)
{
	static const char *const parts[] = {"A", "B", "m"};
	char text[120];
	struct fc_loss loss = {0}, again = {0};
	const size_t n_part = spec->dora ? 3 : 2;
	snprintf(text, sizeof text, "%s: the start is the base", name);
	near_slow(nn, p, spec, text);
	move_params(p);
	snprintf(text, sizeof text, "%s: the loss is that of the merged model", name);
	near_slow(nn, p, spec, text);
	struct slow s = slow_of(p, spec);
	fc_params_zero_grad(p);
	fc_params_step(nn, p, &batch, &targets, false, &again, &err);
	if (!T_OK(fc_params_step(nn, p, &batch, &targets, true, &loss, &err) == 0 &&
		    fc_nn_check(nn, &err) == 0 && loss.sft == again.sft,
		"%s: the same loss with a backward pass %s", name, err.msg))
		goto out;
	/* forward, and the transposed twice; central differences are off by a millionth */
	for (size_t i = 0; i < n_part; i++) {
		const double wrong = worst_gradient(&s, p, i, n_part);
		T_OK(wrong < 3 * FORWARD + 1e-6, "%s: gradients of %s (worst %.2g)", name, parts[i],
		    wrong);
	}
out:
	slow_release(&s);
}

static char *config_of(const char *extra)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b,
	    "{\"vocab_size\": 11, \"hidden_size\": 8, \"intermediate_size\": 7, "
	    "\"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "
	    "\"head_dim\": 4, \"rms_norm_eps\": 1e-5, %s}",
	    extra);
	return fc_buf_detach(&b);
}

static void test_family(struct fc_nn *nn, const char *name, const char *extra,
    const struct fc_lora_spec *spec, size_t n_linear)
{
	struct fc_params *p = NULL;
	struct fc_rng rng;
	char *config = config_of(extra);
	err.msg[0] = 0;
	fc_rng_seed(&rng, 1);
	if (T_OK(write_random_model(dir, config, 3, &err) == 0 &&
		    fc_lora_open(&p, dir, nn, spec, &rng, &err) == 0 &&
		    p->n == 2 * n_linear * (spec->dora ? 3 : 2),
		"%s: %zu adapters %s", name, 2 * n_linear, err.msg))
		check_lora(nn, p, spec, name);
	fc_params_free(p);
	remove_model_files(dir);
	free(config);
}

/* A is PEFT's start, and what does not move is not there. */
static void test_start(struct fc_nn *nn)
{
	const struct fc_lora_spec spec = {3, 6, false, true, NULL, 0};
	struct fc_params *p = NULL;
	struct fc_rng rng;
	char *config = config_of("\"model_type\": \"llama\"");
	fc_rng_seed(&rng, 1);
	write_random_model(dir, config, 3, &err);
	if (!T_OK(fc_lora_open(&p, dir, nn, &spec, &rng, &err) == 0, "opened %s", err.msg))
		goto out;
	double least = 1, most = -1, sum = 0;
	float *a = device_read(nn, p->v[0].w, p->v[0].n * sizeof *a);
	float *b = device_read(nn, p->v[1].w, p->v[1].n * sizeof *b);
	for (size_t i = 0; i < p->v[0].n; i++) {
		least = fmin(least, (double)a[i]);
		most = fmax(most, (double)a[i]);
	}
	for (size_t i = 0; i < p->v[1].n; i++)
		sum += fabs((double)b[i]);
	/* of 24 draws */
	T_OK(most <= 1 / sqrt(8) && most > 0.2 && least >= -1 / sqrt(8) && least < -0.2 && sum == 0,
	    "A is uniform in 1/sqrt(8), B is zero (%g to %g)", least, most);
	T_OK(!strcmp(
		 p->v[0].name, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight") &&
		!strcmp(p->v[2].name,
		    "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"),
	    "names are PEFT's");
	free(a);
	free(b);
out:
	fc_params_free(p);
	remove_model_files(dir);
	free(config);
}

static void test_targets(void)
{
	static const struct {
		const char *target, *message;
	} bad[] = {{"lm_head",
		       "target lm_head: the embedding, the output layer and the last norm "
		       "get none here; linears that get adapters are q_proj, k_proj, "
		       "v_proj, o_proj, gate_proj, up_proj, down_proj"},
	    {"embed_tokens", "the embedding, the output layer"},
	    {"input_layernorm", "it is no linear"},
	    {"proj", "the model has no module of that name"},
	    {"layers.2.self_attn.q_proj", "the model has no module of that name"}};
	char *config = config_of("\"model_type\": \"llama\"");
	write_random_model(dir, config, 3, &err);
	for (size_t i = 0; i < FC_LEN(bad); i++) {
		const struct fc_lora_spec spec = {3, 6, false, false, &bad[i].target, 1};
		T_OK(fc_lora_check(dir, &spec, &err) < 0 && strstr(err.msg, bad[i].message),
		    "target %s: %s", bad[i].target, err.msg);
	}
	const char *good[] = {"q_proj", "layers.1.mlp.down_proj"};
	const struct fc_lora_spec spec = {3, 6, false, false, good, 2};
	T_OK(fc_lora_check(dir, &spec, &err) == 0, "a name, and the end of one");
	remove_model_files(dir);
	free(config);
}

int main(void)
{
	static const char *const some[] = {"q_proj", "down_proj", "o_proj"};
	static const struct fc_lora_spec lora = {3, 6, false, false, NULL, 0},
					 rslora = {2, 3, true, false, NULL, 0},
					 dora = {3, 6, false, true, NULL, 0},
					 part = {3, 6, true, true, some, 3};
	fc_par_init(1); /* products this small only wait for each other */
	if (!mkdtemp(dir))
		return 1;
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	test_start(nn);
	test_targets();
	test_family(nn, "llama",
	    "\"model_type\": \"llama\", \"attention_bias\": true, \"mlp_bias\": true", &lora, 7);
	test_family(nn, "llama, rslora", "\"model_type\": \"llama\"", &rslora, 7);
	test_family(nn, "llama, dora",
	    "\"model_type\": \"llama\", \"attention_bias\": true, \"mlp_bias\": true", &dora, 7);
	test_family(nn, "qwen3, dora of some", "\"model_type\": \"qwen3\"", &part, 3);
	test_family(nn, "gemma2, dora",
	    "\"model_type\": \"gemma2\", \"sliding_window\": 2, \"query_pre_attn_scalar\": 6",
	    &dora, 7);
	test_family(nn, "phi3", "\"model_type\": \"phi3\"", &lora, 4);
	test_family(nn, "phi3, dora", "\"model_type\": \"phi3\"", &dora, 4);
	test_family(nn, "gpt_neox", "\"model_type\": \"gpt_neox\", \"rotary_pct\": 0.5", &lora, 4);
	test_family(
	    nn, "mixtral", "\"model_type\": \"mixtral\", \"num_local_experts\": 3", &lora, 4);
	test_family(nn, "internlm2", "\"model_type\": \"internlm2\", \"bias\": true", &lora, 5);
	fc_nn_close(nn);
	rmdir(dir);
	return t_done();
}
