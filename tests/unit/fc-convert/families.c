/* SPDX-License-Identifier: Apache-2.0 */
/* Every family as safetensors and as GGUF: the same logits, and the way back gives the same bytes.
 * That the safetensors form is right is what model_golden.c shows. */
#include <fcntl.h>

#include "fc-convert/convert.h"
#include "device.h"
#include "t.h"

#include "../golden_files.h"

static uint32_t tok[64];
static size_t n_tok;

/* Of all positions, [n_tok, V]; the caller's. */
static float *logits_of(struct fc_nn *nn, const char *path, size_t *n)
{
	struct fc_model *m;
	if (fc_model_open(&m, path, nn, &err) < 0)
		return NULL;
	const size_t off[2] = {0, n_tok}, V = m->cfg.n_vocab;
	const struct fc_batch b = {tok, off, 1};
	const struct fc_head head = fc_model_head(m);
	float *x = FC_ARRAY(float, n_tok * m->cfg.n_embd), *logits = FC_ARRAY(float, n_tok *V);
	if (fc_model_hidden(nn, m, &b, OUT(nn, x, n_tok * m->cfg.n_embd), &err) == 0)
		fc_head_logits(nn, &head, IN(nn, x, n_tok * m->cfg.n_embd), n_tok, logits);
	device_back(nn);
	*n = n_tok * V;
	free(x);
	fc_model_close(m);
	return logits;
}

static int convert(const char *from, const char *to, enum convert_type type, bool folder)
{
	struct convert c = {.from = from, .type = type, .shard_bytes = (size_t)1 << 40};
	int ret = fc_config_load(&c.config, from, &err);
	if (ret < 0)
		return -1;
	ret = fc_store_open(&c.store, from, &err);
	if (ret == 0 && folder) {
		ret = convert_to_folder(&c, to, &err);
	} else if (ret == 0) {
		const int fd = open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
		ret = convert_to_gguf(&c, fd, to, &err);
		close(fd);
	}
	fc_store_close(c.store);
	fc_config_release(&c.config);
	return ret;
}

static double worst_of(const float *a, const float *b, size_t n)
{
	double worst = 0, scale = 0;
	for (size_t i = 0; i < n; i++) {
		worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
		scale = fmax(scale, fabs((double)a[i]));
	}
	return worst / scale;
}

/* The stores hold the same tensors; a tied head may be missing in the second. */
static size_t differences(const char *a, const char *b)
{
	struct fc_store *x, *y;
	size_t n = 0;
	if (fc_store_open(&x, a, &err) < 0 || fc_store_open(&y, b, &err) < 0)
		return SIZE_MAX;
	for (size_t i = 0; i < fc_store_count(x); i++) {
		const struct fc_tensor *t = fc_store_at(x, i), *u = fc_store_find(y, t->name);
		const bool same = u && u->dtype == t->dtype && fc_tensor_same_shape(t, u) &&
		    !memcmp(t->data, u->data, t->n_bytes);
		if (!same && n++ < 3)
			printf("# %s: %s differs\n", b, t->name);
	}
	n += fc_store_count(y) != fc_store_count(x);
	fc_store_close(x);
	fc_store_close(y);
	return n;
}

static void test_family(struct fc_nn *nn, const char *name, const json_t *golden,
    enum fc_dtype dtype, enum convert_type type)
{
	char dir[] = "/tmp/fc-convert-XXXXXX", back[] = "/tmp/fc-convert-XXXXXX", file[64];
	size_t n = 0, m = 0;
	err.msg[0] = 0;
	json_object_set_new(json_object_get(golden, "config"), "dtype",
	    json_string(dtype == FC_F32 ? "float32"
		    : dtype == FC_F16   ? "float16"
					: "bfloat16"));
	if (!T_OK(mkdtemp(dir) && mkdtemp(back) && write_model(dir, golden, dtype) == 0, "%s: %s",
		name, fc_dtype_name(dtype)))
		return;
	snprintf(file, sizeof file, "%s.gguf", dir);
	T_OK(convert(dir, file, CONVERT_SAME, false) == 0, "to GGUF %s", err.msg);
	float *a = logits_of(nn, dir, &n), *b = logits_of(nn, file, &m);
	if (T_OK(a && b && n == m, "both open %s", err.msg)) {
		const double worst = worst_of(a, b, n);
		T_OK(worst < GOLDEN_ORDERS, "the same logits (%.2g)", worst);
	}
	T_OK(convert(file, back, type, true) == 0, "to a folder %s", err.msg);
	T_EQ(differences(dir, back), 0, "the same tensors, bit for bit");
	free(b);
	b = logits_of(nn, back, &m);
	if (T_OK(b && n == m, "it opens %s", err.msg))
		T_OK(worst_of(a, b, n) == 0, "the same logits, bit for bit");
	free(a);
	free(b);
	remove(file);
	remove_model(dir);
	remove_model(back);
}

/* GGUF has no key for what scores are scaled by, nor for the activation: both forms get the usual.
 */
static json_t *golden_of(const char *name, bool usual)
{
	char path[256];
	snprintf(path, sizeof path, DATA "%s.json", name);
	json_t *golden = fc_json_file(path, &err), *config = json_object_get(golden, "config");
	const json_t *sequence = json_array_get(json_object_get(golden, "sequences"), 0);
	if (usual && json_object_get(config, "query_pre_attn_scalar"))
		json_object_set(
		    config, "query_pre_attn_scalar", json_object_get(config, "head_dim"));
	if (usual && !strcmp(name, "llama-linear"))
		json_object_set_new(config, "hidden_act", json_string("silu"));
	if (usual)
		json_object_del(json_object_get(config, "attn_config"), "softmax_scale");
	if (usual && !strcmp(name, "gpt_neox-serial"))
		json_object_set_new(config, "hidden_act", json_string("gelu"));
	n_tok = 0;
	for (size_t i = 0; i < json_array_size(sequence) && i < FC_LEN(tok); i++)
		tok[n_tok++] = (uint32_t)json_integer_value(json_array_get(sequence, i));
	return golden;
}

static void test_refused(const char *name, const char *words)
{
	char dir[] = "/tmp/fc-convert-XXXXXX", file[64];
	json_t *golden = golden_of(name, false);
	T_OK(golden && mkdtemp(dir) && write_model(dir, golden, FC_F32) == 0, "%s", name);
	snprintf(file, sizeof file, "%s.gguf", dir);
	T_OK(convert(dir, file, CONVERT_SAME, false) < 0 && strstr(err.msg, words), "refused: %s",
	    err.msg);
	json_decref(golden);
	remove(file);
	remove_model(dir);
}

int main(void)
{
	static const char *const names[] = {"llama", "llama-bias", "llama-linear", "llama-yarn",
	    "mixtral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "phi3-longrope",
	    "gpt2", "gpt_neox", "gpt_neox-serial", "mpt", "mpt-clip"};
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	if (!nn)
		return 1;
	for (size_t i = 0; i < FC_LEN(names); i++) {
		json_t *golden = golden_of(names[i], true);
		test_family(nn, names[i], golden, FC_F32, CONVERT_F32);
		test_family(nn, names[i], golden, FC_F16, CONVERT_F16);
		test_family(nn, names[i], golden, FC_BF16, CONVERT_BF16);
		json_decref(golden);
	}
	test_refused("internlm2", "internlm2");
	test_refused("llama-dynamic", "rope scaling");
	test_refused("llama-yarn-mscale", "truncate");
	test_refused("gpt2-scaled", "scores scaled");
	test_refused("gemma2", "scores scaled");
	test_refused("llama-linear", "activation");
	fc_nn_close(nn);
	return t_done();
}
