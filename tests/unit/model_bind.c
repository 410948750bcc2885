/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a model folder and what must be: saving, opening, and folders with something wrong. */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/params.h"
#include "device.h"
#include "t.h"

static char dir[] = "/tmp/fc-bind-XXXXXX";
static char *config_path, *tensors_path;
static struct fc_err err;
static struct fc_nn *nn;

static void write_config(const char *more)
{
	FILE *f = fopen(config_path, "w");
	fprintf(f,
	    "{\"model_type\": \"qwen2\", \"vocab_size\": 10, \"hidden_size\": 8, "
	    "\"intermediate_size\": 6, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "
	    "\"rope_theta\": 1e6%s}",
	    more);
	fclose(f);
}

static struct fc_params *make(const char *more)
{
	struct fc_params *p = NULL;
	struct fc_rng rng;
	fc_rng_seed(&rng, 11);
	write_config(more);
	T_OK(fc_params_init(&p, config_path, nn, &rng, &err) == 0, "initialised");
	return p;
}

static float *weights_of(const struct fc_param *v)
{
	return device_read(nn, v->w, v->n * sizeof *v->w);
}

static bool same_weights(const struct fc_params *a, const struct fc_params *b, enum fc_dtype t)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++) {
		float *of_a = weights_of(&a->v[i]), *of_b = weights_of(&b->v[i]);
		for (size_t j = 0; j < a->v[i].n; j++) {
			float w = of_a[j];
			if (t == FC_BF16)
				w = fc_bf16_to_f32(fc_f32_to_bf16(w));
			same = same && w == of_b[j];
		}
		free(of_a);
		free(of_b);
	}
	return same;
}

static void test_init(void)
{
	struct fc_params *p = make("");
	double sum = 0, residual = 0;
	bool norms = true;
	size_t n = 0, n_residual = 0;
	for (size_t i = 0; i < p->n; i++) {
		float *of_i = weights_of(&p->v[i]);
		norms = norms && (i != 1 || of_i[0] == 1) && (i != 3 || of_i[0] == 0);
		for (size_t j = 0; j < p->v[i].n; j++) {
			const double w = (double)of_i[j];
			if (strstr(p->v[i].name, "o_proj") || strstr(p->v[i].name, "down_proj")) {
				residual += w * w;
				n_residual++;
			} else if (p->v[i].decay) {
				sum += w * w;
				n++;
			}
		}
		free(of_i);
	}
	T_NEAR(sqrt(sum / (double)n) / 0.02, 1, 0.1, "init: matrices have deviation 0.02");
	T_NEAR(sqrt(residual / (double)n_residual) / (0.02 / sqrt(2)), 1, 0.15,
	    "init: residual ones less");
	T_OK(norms && !p->v[1].decay, "init: norms are one, biases zero, neither decays");
	fc_params_zero_grad(p);
	T_OK(p->head_grad != p->embed_grad && p->model.head.p != p->model.embed.p, "init: untied");
	fc_params_free(p);
	p = make(", \"tie_word_embeddings\": true");
	fc_params_zero_grad(p);
	T_OK(p->head_grad == p->embed_grad && p->model.head.p == p->model.embed.p, "init: tied");
	fc_params_free(p);
}

static void test_save(const char *more, enum fc_dtype dtype)
{
	struct fc_params *p = make(more), *again = NULL;
	unlink(tensors_path);
	T_OK(fc_params_save(p, dir, dtype, &(struct fc_rounding){0}, (size_t)1 << 30, &err) == 0 &&
		fc_params_open(&again, dir, nn, &err) == 0,
	    "saved as %s and opened%s", fc_dtype_name(dtype), more);
	T_OK(again && same_weights(p, again, dtype), "the same weights");
	T_OK(again && again->model.cfg.dtype == dtype && again->model.cfg.rope.theta == 1e6,
	    "config.json with the new type");
	struct fc_model *m = NULL;
	T_OK(fc_model_open(&m, dir, NULL, &err) == 0 && m->store && m->layer[0].q.dtype == dtype,
	    "mapped as they are stored");
	fc_model_close(m);
	fc_params_free(again);
	fc_params_free(p);
}

/* A change to the list of tensors, and what opening the folder must say (NULL: nothing). */
struct change {
	const char *what, *name; /* tensor to change; rows: new first dimension, 0 leaves it out */
	int64_t rows;
	const char *add; /* a copy of that tensor under this name */
	enum fc_dtype dtype;
	const char *message;
};

static int write_changed(const struct fc_params *p, const struct change *c)
{
	struct fc_tensor *plan = fc_params_plan(p, FC_F32), t[32];
	struct fc_store_writer *w = NULL;
	size_t n = 0, from[32];
	for (size_t i = 0; i < p->n; i++) {
		bool hit = c->name && !strcmp(plan[i].name, c->name);
		if (hit && !c->rows)
			continue;
		from[n] = i;
		t[n] = plan[i];
		if (hit) {
			t[n].n_bytes = t[n].n_bytes / (size_t)t[n].dim[0] * (size_t)c->rows;
			t[n].dim[0] = c->rows;
			t[n].dtype = c->dtype;
			t[n].n_bytes = t[n].n_bytes / 4 * fc_dtype_size(c->dtype);
		}
		if (n++ == 0 && c->add) {
			t[n] = t[0];
			t[n].name = c->add;
			from[n++] = 0;
		}
	}
	unlink(tensors_path);
	int ret = fc_store_writer_open(&w, dir, t, n, (size_t)1 << 30, &err);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		char *bytes = fc_calloc(1, t[i].n_bytes);
		size_t had = p->v[from[i]].n * sizeof(float);
		fc_nn_get(nn, bytes, p->v[from[i]].w, had < t[i].n_bytes ? had : t[i].n_bytes);
		if (c->add && !strcmp(t[i].name, c->add) && c->rows < 0)
			bytes[9] ^= 64;
		ret = fc_store_writer_put(w, i, 0, bytes, t[i].n_bytes, &err);
		free(bytes);
	}
	free(plan);
	return w ? fc_store_writer_close(w, &err) | ret : -1;
}

static void test_changes(const char *more, const struct change *c, size_t n)
{
	struct fc_params *p = make(more);
	for (size_t i = 0; i < n; i++) {
		struct fc_model *m = NULL;
		T_OK(write_changed(p, &c[i]) == 0, "written: %s", c[i].what);
		err.msg[0] = 0;
		int ret = fc_model_open(&m, dir, NULL, &err);
		if (c[i].message)
			T_OK(ret < 0 && !m && strstr(err.msg, c[i].message), "refused: %s (%s)",
			    c[i].what, err.msg);
		else
			T_OK(ret == 0, "opened: %s %s", c[i].what, err.msg);
		fc_model_close(m);
	}
	fc_params_free(p);
}

int main(void)
{
	static const char q[] = "model.layers.0.self_attn.q_proj.weight",
			  bias[] = "model.layers.0.self_attn.q_proj.bias";
	static const struct change untied[] = {
	    {"nothing changed", NULL, 0, NULL, FC_F32, NULL},
	    {"missing matrix", q, 0, NULL, FC_F32, "q_proj.weight [8, 8] is missing"},
	    {"missing bias", bias, 0, NULL, FC_F32, "q_proj.bias [8] is missing"},
	    {"missing head", "lm_head.weight", 0, NULL, FC_F32,
		"lm_head.weight [10, 8] is missing"},
	    {"another shape", q, 6, NULL, FC_F32,
		"q_proj.weight has shape [6, 8], expected [8, 8]"},
	    {"float16", q, 8, NULL, FC_F16, NULL},
	    {"integers", q, 8, NULL, FC_I32, "q_proj.weight is I32"},
	    {"surplus", NULL, 0, "model.layers.1.mlp.up_proj.weight", FC_F32,
		"model.layers.1.mlp.up_proj.weight has no place in a qwen2 model"},
	    {"rotary buffer", NULL, 0, "model.layers.0.self_attn.rotary_emb.inv_freq", FC_F32,
		NULL},
	};
	static const struct change tied[] = {
	    {"tied", NULL, 0, NULL, FC_F32, NULL},
	    {"tied, the head repeated", NULL, 0, "lm_head.weight", FC_F32, NULL},
	    {"tied, another head", NULL, -1, "lm_head.weight", FC_F32,
		"differs from the embedding"},
	};
	nn = open_nn(FC_COMPUTE_F32);
	if (!T_OK(mkdtemp(dir), "set up"))
		return t_done();
	config_path = fc_path_join(dir, "config.json");
	tensors_path = fc_path_join(dir, "model.safetensors");
	test_init();
	test_save("", FC_F32);
	test_save(", \"tie_word_embeddings\": true, \"torch_dtype\": \"float32\"", FC_BF16);
	test_changes("", untied, FC_LEN(untied));
	test_changes(", \"tie_word_embeddings\": true", tied, FC_LEN(tied));
	fc_nn_close(nn);
	unlink(config_path);
	unlink(tensors_path);
	rmdir(dir);
	free(config_path);
	free(tensors_path);
	return t_done();
}
