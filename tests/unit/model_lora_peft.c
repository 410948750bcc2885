/* SPDX-License-Identifier: Apache-2.0 */
/* Loss and gradients of adapters against PEFT's (tests/data/model/lora.py). */
#include <unistd.h>

#include "base/par.h"
#include "model/lora.h"
#include "t.h"

#include "device.h"
#include "golden_files.h"

/* Those of lora.py. */
static const uint32_t tok[] = {1, 4, 9, 9, 0, 3, 10, 2, 5};
static const size_t off[] = {0, 5, 8, 9};
static const struct fc_batch batch = {tok, off, 3};
static const uint32_t row_pos[] = {0, 2, 3, 4, 6, 8};
static const uint32_t target[] = {4, 9, 1, 7, 2, 1};
static const float weight[] = {0.3f, 0.1f, 0.2f, -0.2f, 0.1f, 0.15f}, none[6];
static const struct fc_targets targets = {row_pos, target, weight, none, NULL, 6};

/* Roundings after each other in two layers: sums of C at most 16 four times, of F = 7, of at most 5
 * keys, of the rank and 40 of norms, rotations and activations, each with an adapter's beside it;
 * gradients take three such ways. */
#define FORWARD (2 * 2 * (4 * 16 + 7 + 5 + 3 + 40) * T_U)

static bool is_transposed(const struct fc_param *v)
{
	return fc_ends_with(v->name, ".lora_B.weight");
}

/* Where element j of the parameter is in the file. */
static size_t place(const struct fc_param *v, size_t j)
{
	if (!is_transposed(v))
		return j;
	const size_t O = (size_t)v->dim[1], r = (size_t)v->dim[0];
	return j % O * r + j / O;
}

static void set_params(struct fc_params *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct fc_param *v = &p->v[i];
		float *w = device_read(p->model.nn, v->w, v->n * sizeof *w);
		for (size_t j = 0; j < v->n; j++) {
			const double x = slow_fill(slow_fnv1a(v->name), place(v, j));
			w[j] = (float)(v->n_dim == 1 ? (double)w[j] * (1 + x / 2) : x);
		}
		fc_nn_put(p->model.nn, v->w, w, v->n * sizeof *w);
		free(w);
	}
	fc_params_refresh(p);
}

/* The largest difference over the largest gradient of the tensor; infinite where it is not there.
 */
static double gradient_error(const struct fc_params *p, const struct fc_param *v, const json_t *all)
{
	const json_t *values = json_object_get(json_object_get(all, v->name), "values");
	float *g = device_read(p->model.nn, v->g, v->n * sizeof *g);
	double worst = 0, scale = 0;
	if (json_array_size(values) != v->n)
		worst = INFINITY;
	for (size_t j = 0; j < v->n; j++) {
		const double want = json_number_value(json_array_get(values, place(v, j)));
		worst = fmax(worst, fabs((double)g[j] - want));
		scale = fmax(scale, fabs(want));
	}
	free(g);
	return worst / scale;
}

static void check_step(struct fc_params *p, const json_t *golden, const char *name)
{
	const json_t *gradients = json_object_get(golden, "gradients");
	const double want = json_real_value(json_object_get(golden, "loss"));
	struct fc_loss loss = {0};
	double worst = 0;
	size_t at = 0;
	set_params(p);
	fc_params_zero_grad(p);
	const int ret = fc_params_step(p->model.nn, p, &batch, &targets, true, &loss, &err);
	T_OK(ret == 0 && t_near(loss.sft, want, FORWARD), "%s: loss %.9g, PEFT's %.9g", name,
	    loss.sft, want);
	for (size_t i = 0; i < p->n; i++) {
		const double wrong = gradient_error(p, &p->v[i], gradients);
		if (!(wrong <= worst)) {
			worst = wrong;
			at = i;
		}
	}
	T_OK(worst < 3 * FORWARD && p->n == json_object_size(gradients),
	    "%s: gradients of %zu tensors are PEFT's (worst %.2g, %s)", name, p->n, worst,
	    p->v[at].name);
}

static void test_variant(struct fc_nn *nn, const char *name, const json_t *golden)
{
	char dir[] = "/tmp/fc-peft-XXXXXX";
	struct fc_params *p = NULL;
	struct fc_rng rng;
	const struct fc_lora_spec spec = {
	    .r = (size_t)json_integer_value(json_object_get(golden, "r")),
	    .alpha = json_number_value(json_object_get(golden, "alpha")),
	    .dora = json_is_true(json_object_get(golden, "dora")),
	    .rslora = json_is_true(json_object_get(golden, "rslora"))};
	fc_rng_seed(&rng, 1);
	err.msg[0] = 0;
	if (T_OK(mkdtemp(dir) && write_model(dir, golden, FC_F32) == 0 &&
		    fc_lora_open(&p, dir, nn, &spec, &rng, &err) == 0,
		"%s: opens %s", name, err.msg))
		check_step(p, golden, name);
	fc_params_free(p);
	remove_model(dir);
}

int main(void)
{
	fc_par_init(1); /* products this small only wait for each other */
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	json_t *all = fc_json_file(DATA "lora.json", &err);
	json_t *variants = json_object_get(all, "variants"), *golden;
	const char *name;
	T_OK(json_object_size(variants) == 3, "expected values %s", err.msg);
	json_object_foreach(variants, name, golden) test_variant(nn, name, golden);
	json_decref(all);
	fc_nn_close(nn);
	return t_done();
}
