/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized safetensors against the numbers of the quantizers' own code
 * (tests/data/model/quantized.py), and a model that has them. */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/model.h"
#include "model/params.h"
#include "t.h"

#include "device.h"
#include "model_files.h"

static char dir[] = "/tmp/fc-quantized-XXXXXX";
static struct fc_err err;

static size_t from_hex(unsigned char *to, const char *hex)
{
	size_t n = 0;
	unsigned byte;
	for (; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		to[n] = (unsigned char)byte;
	return n;
}

/* A tensor of the JSON file; its data is the caller's to free(). */
static struct fc_tensor tensor_of(const char *name, const json_t *o)
{
	const char *hex = json_string_value(json_object_get(o, "bits"));
	const json_t *shape = json_object_get(o, "shape");
	struct fc_tensor t = {.name = name, .n_dim = (int)json_array_size(shape)};
	unsigned char *data = fc_malloc(strlen(hex) / 2 + 1);
	for (int i = 0; i < t.n_dim; i++)
		t.dim[i] = json_integer_value(json_array_get(shape, (size_t)i));
	if (!fc_dtype_parse(json_string_value(json_object_get(o, "dtype")), &t.dtype))
		t.dtype = FC_DTYPE_N;
	t.n_bytes = from_hex(data, hex);
	t.data = data;
	return t;
}

/* All tensors of a case as a file in dir. */
static int write_tensors(const json_t *tensors)
{
	struct fc_tensor plan[16];
	struct fc_store_writer *w = NULL;
	const char *name;
	json_t *o;
	size_t n = 0;
	json_object_foreach((json_t *)(uintptr_t)tensors, name, o) plan[n++] = tensor_of(name, o);
	int ret = fc_store_writer_open(&w, dir, plan, n, (size_t)1 << 30, &err);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = fc_store_writer_put(w, i, 0, plan[i].data, plan[i].n_bytes, &err);
	if (w && fc_store_writer_close(w, &err) < 0)
		ret = -1;
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)plan[i].data);
	return ret;
}

static void check_case(const json_t *c, const struct fc_quantized *q, const struct fc_store *s)
{
	const char *name = json_string_value(json_object_get(c, "name"));
	const struct fc_tensor want = tensor_of("want", json_object_get(c, "want"));
	const bool wide = !strcmp(json_string_value(json_object_get(c, "dtype")), "float32");
	enum fc_dtype t = FC_DTYPE_N;
	unsigned char *got = fc_calloc(want.n_bytes + 1, 1);
	T_OK(fc_quantized_has(q, s, "m.weight") && !fc_quantized_has(q, s, "n.weight"),
	    "%s: is quantized", name);
	T_OK(fc_quantized_dtype(q, s, "m.weight", wide ? FC_F32 : FC_BF16, &t, &err) == 0 &&
		t == want.dtype,
	    "%s: becomes %s", name, fc_dtype_name(want.dtype));
	const int ret = t != want.dtype ? -1
					: fc_quantized_unpack(q, s, "m.weight", (size_t)want.dim[0],
					      (size_t)want.dim[1], got, t, "x", &err);
	T_OK(ret == 0 && !memcmp(got, want.data, want.n_bytes), "%s: the same bits %s", name,
	    ret ? err.msg : "");
	size_t parts = 0;
	for (size_t i = 0; i < fc_store_count(s); i++) {
		char *matrix;
		parts +=
		    fc_quantized_part(q, fc_store_at(s, i), &matrix) && !strcmp(matrix, "m.weight");
		free(matrix);
	}
	T_OK(parts + (fc_store_find(s, "m.weight") != NULL) == fc_store_count(s),
	    "%s: every tensor is known", name);
	T_OK(fc_quantized_unpack(q, s, "m.weight", 8, 128, got, t, "x", &err) < 0,
	    "%s: another shape is refused: %s", name, err.msg);
	free((void *)(uintptr_t)want.data);
	free(got);
}

/* Experts of gpt-oss are unpacked row by row. */
static void test_mxfp4(const json_t *c)
{
	const json_t *tensors = json_object_get(c, "tensors");
	const struct fc_tensor want = tensor_of("want", json_object_get(c, "want"));
	const struct fc_tensor codes =
	    tensor_of("codes", json_object_get(tensors, "m.experts_blocks"));
	const struct fc_tensor exponents =
	    tensor_of("exponents", json_object_get(tensors, "m.experts_scales"));
	const size_t n_row = (size_t)(want.dim[0] * want.dim[1]), n = (size_t)want.dim[2];
	uint16_t *got = FC_ARRAY(uint16_t, n_row * n);
	for (size_t r = 0; r < n_row; r++)
		fc_mxfp4_row(got + r * n, (const uint8_t *)codes.data + r * n / 2,
		    (const uint8_t *)exponents.data + r * n / 32, n);
	T_OK(want.dtype == FC_BF16 && n_row == 12 && n == 64 &&
		!memcmp(got, want.data, want.n_bytes),
	    "mxfp4: the same bits");
	free((void *)(uintptr_t)want.data);
	free((void *)(uintptr_t)codes.data);
	free((void *)(uintptr_t)exponents.data);
	free(got);
}

static void test_case(const json_t *c)
{
	const char *name = json_string_value(json_object_get(c, "name"));
	json_t *config = json_pack("{s:O}", "quantization_config", json_object_get(c, "config"));
	struct fc_quantized q;
	struct fc_store *s = NULL;
	err.msg[0] = 0;
	if (!strcmp(name, "mxfp4")) {
		json_decref(config);
		test_mxfp4(c);
		return;
	}
	if (T_OK(fc_quantized_read(&q, config, "x", &err) == 0 &&
		    write_tensors(json_object_get(c, "tensors")) == 0 &&
		    fc_store_open(&s, dir, &err) == 0,
		"%s: opened %s", name, err.msg))
		check_case(c, &q, s);
	fc_store_close(s);
	remove_model_files(dir);
	json_decref(config);
}

/* A case of the file with one tensor of a type and first byte of its own is refused with these
 * words; NULL: it is taken. */
static void test_changed(const json_t *cases, const char *name, const char *tensor,
    const json_t *change, const char *words)
{
	size_t at;
	json_t *c;
	struct fc_quantized q;
	struct fc_store *s = NULL;
	json_array_foreach((json_t *)(uintptr_t)cases, at, c)
	{
		if (strcmp(json_string_value(json_object_get(c, "name")), name))
			continue;
		json_t *tensors = json_copy(json_object_get(c, "tensors"));
		json_t *config =
		    json_pack("{s:O}", "quantization_config", json_object_get(c, "config"));
		const struct fc_tensor want = tensor_of("want", json_object_get(c, "want"));
		unsigned char *got = fc_calloc(want.n_bytes + 1, 1);
		json_object_set(tensors, tensor, (json_t *)(uintptr_t)change);
		err.msg[0] = 0;
		int ret = fc_quantized_read(&q, config, "x", &err);
		if (ret == 0 && write_tensors(tensors) == 0 && fc_store_open(&s, dir, &err) == 0)
			ret = fc_quantized_unpack(&q, s, "m.weight", (size_t)want.dim[0],
			    (size_t)want.dim[1], got, want.dtype, "x", &err);
		T_OK(words ? ret < 0 && strstr(err.msg, words)
			   : ret == 0 && !memcmp(got, want.data, want.n_bytes),
		    "%s with another %s: %s %s", name, tensor, words ? "refused" : "taken",
		    err.msg);
		fc_store_close(s);
		remove_model_files(dir);
		free((void *)(uintptr_t)want.data);
		free(got);
		json_decref(tensors);
		json_decref(config);
		return;
	}
	T_OK(false, "there is a case %s", name);
}

/* A tensor of n zero bytes but for the first. */
static json_t *bytes(const char *dtype, int n, int columns, unsigned first)
{
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < n; i++)
		fc_buf_addf(&b, "%02x", i ? 0 : first);
	json_t *shape = columns ? json_pack("[i, i]", n / columns, columns) : json_array();
	json_t *o = json_pack("{s:s, s:o, s:s}", "dtype", dtype, "shape", shape, "bits", b.p);
	fc_buf_release(&b);
	return o;
}

static void test_others(const json_t *cases)
{
	const struct {
		const char *name, *tensor, *dtype;
		int n, columns;
		unsigned first;
		const char *words;
	} v[] = {
	    {"int8 of bitsandbytes", "m.weight_format", "U8", 1, 0, 0, NULL},
	    {"int8 of bitsandbytes", "m.weight_format", "U8", 1, 0, 2, "not in rows"},
	    {"fp8 by rows", "m.weight_zero_point", "F8_E4M3", 16, 1, 0, NULL},
	    {"fp8 by rows", "m.weight_zero_point", "F8_E4M3", 16, 1, 0x38, "expected I8"},
	    {"int8 by rows", "m.weight_zero_point", "I8", 16, 1, 0, NULL},
	    {"int8 by rows", "m.weight_zero_point", "U8", 16, 1, 3, "m.weight_zero_point is U8"},
	};
	for (size_t i = 0; i < FC_LEN(v); i++) {
		json_t *change = bytes(v[i].dtype, v[i].n, v[i].columns, v[i].first);
		test_changed(cases, v[i].name, v[i].tensor, change, v[i].words);
		json_decref(change);
	}
}

#define LLAMA                                                                                      \
	"\"model_type\": \"llama\", \"vocab_size\": 19, \"hidden_size\": 12, "                     \
	"\"intermediate_size\": 10, \"num_hidden_layers\": 1, \"num_attention_heads\": 3, "        \
	"\"num_key_value_heads\": 1, \"tie_word_embeddings\": true, \"torch_dtype\": \"bfloat16\""
#define PER_ROW                                                                                    \
	", \"quantization_config\": {\"quant_method\": \"compressed-tensors\", \"format\": "       \
	"\"int-quantized\", \"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 8, "     \
	"\"strategy\": \"channel\"}}}}"

/* Final hidden states of a short sequence; -1 where the model does not open. */
static int hidden(struct fc_nn *nn, float x[5 * 12])
{
	static const uint32_t tok[] = {3, 1, 4, 1, 18};
	static const size_t off[] = {0, 5};
	struct fc_model *m;
	if (fc_model_open(&m, dir, nn, &err) < 0)
		return -1;
	const int ret =
	    fc_model_hidden(nn, m, &(struct fc_batch){tok, off, 1}, OUT(nn, x, 60), &err);
	device_back(nn);
	fc_model_close(m);
	return ret;
}

/* A model whose output projection is int8 with a scale a row is the model of its numbers; extra: a
 * tensor beside it, or NULL. */
static int write_model_with(bool quantized, const char *extra)
{
	static const char name[] = "model.layers.0.self_attn.o_proj.weight";
	static const char scale_name[] = "model.layers.0.self_attn.o_proj.weight_scale";
	int8_t q[144];
	uint16_t scale[12], plain[144], one = 0x3f80;
	for (int i = 0; i < 12; i++)
		scale[i] = fc_f32_to_bf16(0.01f + 0.003f * (float)i);
	for (int i = 0; i < 144; i++) {
		q[i] = (int8_t)(i * 37 % 255 - 127);
		plain[i] = fc_f32_to_bf16((float)q[i] * fc_bf16_to_f32(scale[i / 12]));
	}
	const struct fc_tensor change[] = {{.name = name,
					       .dtype = quantized ? FC_I8 : FC_BF16,
					       .n_dim = 2,
					       .dim = {12, 12},
					       .data = quantized ? (void *)q : (void *)plain,
					       .n_bytes = quantized ? sizeof q : sizeof plain},
	    {.name = scale_name,
		.dtype = FC_BF16,
		.n_dim = 2,
		.dim = {12, 1},
		.data = scale,
		.n_bytes = sizeof scale},
	    {.name = extra, .dtype = FC_BF16, .n_dim = 1, .dim = {1}, .data = &one, .n_bytes = 2}};
	const size_t n = !quantized ? 1 : extra ? 3 : 2;
	return write_model_as(
	    dir, quantized ? "{" LLAMA PER_ROW "}" : "{" LLAMA "}", NULL, change, n, 5, &err);
}

static void test_model(struct fc_nn *nn)
{
	float want[60], got[60];
	struct fc_params *p;
	T_OK(write_model_with(false, NULL) == 0 && hidden(nn, want) == 0, "plain: %s", err.msg);
	T_OK(write_model_with(true, NULL) == 0 && hidden(nn, got) == 0 &&
		!memcmp(want, got, sizeof want),
	    "a quantized model is the model of its numbers %s", err.msg);
	T_OK(fc_params_open(&p, dir, nn, &err) < 0 && strstr(err.msg, "compressed-tensors"),
	    "it is not trained: %s", err.msg);
	T_OK(write_model_with(true, "model.layers.0.self_attn.o_proj.input_scale") == 0 &&
		hidden(nn, got) == 0 && !memcmp(want, got, sizeof want),
	    "scales of activations are left alone");
	T_OK(write_model_with(true, "model.layers.7.self_attn.o_proj.input_scale") == 0 &&
		hidden(nn, got) < 0 && strstr(err.msg, "has no place"),
	    "a part of no matrix is refused: %s", err.msg);
	remove_model_files(dir);
}

#define OSS                                                                                        \
	"\"model_type\": \"gpt_oss\", \"vocab_size\": 19, \"hidden_size\": 32, "                   \
	"\"intermediate_size\": 32, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "        \
	"\"num_key_value_heads\": 1, \"head_dim\": 16, \"num_local_experts\": 2, "                 \
	"\"num_experts_per_tok\": 1, \"torch_dtype\": \"bfloat16\""
#define EXPERTS "model.layers.0.mlp.experts."

/* Experts in MXFP4, [expert, out, in / 32, 16], are those of the same numbers in bfloat16, [expert,
 * in, out]; the codes lie in tensors of other names. */
static void test_experts(struct fc_nn *nn)
{
	enum { E = 2, C = 32, F2 = 64 };
	static const uint32_t tok[] = {3, 1, 4, 1, 18};
	static const size_t off[] = {0, 5};
	static uint8_t codes[E * F2 * 16], exponents[E * F2];
	static uint16_t rows[E * F2][C], plain[E][C][F2];
	float x[2][5 * C];
	for (size_t i = 0; i < sizeof codes; i++)
		codes[i] = (uint8_t)(i * 89 + i / 7);
	for (size_t r = 0; r < E * F2; r++) {
		exponents[r] = (uint8_t)(122 + r % 5);
		fc_mxfp4_row(rows[r], codes + r * 16, exponents + r, C);
		for (size_t i = 0; i < C; i++)
			plain[r / F2][i][r % F2] = rows[r][i];
	}
	const struct fc_tensor whole = {.name = EXPERTS "gate_up_proj",
	    .dtype = FC_BF16,
	    .n_dim = 3,
	    .dim = {E, C, F2},
	    .data = plain,
	    .n_bytes = sizeof plain};
	const struct fc_tensor packed[] = {{.name = EXPERTS "gate_up_proj_blocks",
					       .dtype = FC_U8,
					       .n_dim = 4,
					       .dim = {E, F2, 1, 16},
					       .data = codes,
					       .n_bytes = sizeof codes},
	    {.name = EXPERTS "gate_up_proj_scales",
		.dtype = FC_U8,
		.n_dim = 3,
		.dim = {E, F2, 1},
		.data = exponents,
		.n_bytes = sizeof exponents}};
	for (int i = 0; i < 2; i++) {
		struct fc_model *m = NULL;
		const char *config = i ? "{" OSS
					 ", \"quantization_config\": {\"quant_method\": \"mxfp4\"}}"
				       : "{" OSS "}";
		err.msg[0] = 0;
		if (!T_OK(write_model_as(
			      dir, config, NULL, i ? packed : &whole, i ? 2 : 1, 5, &err) == 0 &&
			    fc_model_open(&m, dir, nn, &err) == 0,
			"experts %s %s", i ? "in MXFP4" : "in bfloat16", err.msg))
			return;
		fc_model_hidden(nn, m, &(struct fc_batch){tok, off, 1}, OUT(nn, x[i], 5 * C), &err);
		device_back(nn);
		fc_model_close(m);
	}
	T_OK(!memcmp(x[0], x[1], sizeof x[0]), "experts in MXFP4 are those of their numbers");
	remove_model_files(dir);
}

#define DEEPSEEK                                                                                   \
	"\"model_type\": \"deepseek_v3\", \"vocab_size\": 19, \"hidden_size\": 20, "               \
	"\"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, "        \
	"\"q_lora_rank\": 6, \"kv_lora_rank\": 12, \"qk_nope_head_dim\": 4, "                      \
	"\"qk_rope_head_dim\": 6, \"v_head_dim\": 4, \"moe_intermediate_size\": 9, "               \
	"\"n_routed_experts\": 4, \"num_experts_per_tok\": 2, \"n_group\": 1, \"topk_group\": 1, " \
	"\"first_k_dense_replace\": 1, \"num_nextn_predict_layers\": 1, "                          \
	"\"torch_dtype\": \"bfloat16\""

/* The value of FP8 E4M3: a sign, four bits of exponent, three of mantissa. */
static float fp8(uint8_t x)
{
	const double e = x >> 3 & 15, m = x & 7;
	const double size = e > 0 ? (1 + m / 8) * pow(2, e - 7) : m / 8 * pow(2, -6);
	return (float)(x & 128 ? -size : size);
}

/* One matrix in FP8 with a scale for each block of 8 by 8, the last of which are cut, and beside it
 * a tensor of the layer that predicts another token; or that matrix in bfloat16. */
static int write_blocks(const char *matrix, int64_t n_out, int64_t n_in, bool quantized)
{
	enum { BLOCK = 8 };
	char name[128], scale_name[128];
	uint8_t codes[512];
	uint16_t plain[512];
	float scale[16];
	const size_t across = (size_t)(n_in + BLOCK - 1) / BLOCK,
		     n_scale = (size_t)(n_out + BLOCK - 1) / BLOCK * across;
	snprintf(name, sizeof name, "%s.weight", matrix);
	snprintf(scale_name, sizeof scale_name, "%s.weight_scale_inv", matrix);
	for (size_t i = 0; i < n_scale; i++)
		scale[i] = 0.01f + 0.002f * (float)i;
	for (size_t i = 0; i < (size_t)(n_out * n_in); i++) {
		const size_t o = i / (size_t)n_in, k = i % (size_t)n_in;
		codes[i] = (uint8_t)(i * 37 % 96 + 128 * (i % 2));
		plain[i] = fc_f32_to_bf16(fp8(codes[i]) * scale[o / BLOCK * across + k / BLOCK]);
	}
	const struct fc_tensor change[] = {
	    {.name = name,
		.dtype = quantized ? FC_F8_E4M3 : FC_BF16,
		.n_dim = 2,
		.dim = {n_out, n_in},
		.data = quantized ? (void *)codes : (void *)plain,
		.n_bytes = (size_t)(n_out * n_in) * (quantized ? 1 : 2)},
	    {.name = "model.layers.2.eh_proj.weight",
		.dtype = FC_F32,
		.n_dim = 1,
		.dim = {1},
		.data = scale,
		.n_bytes = 4},
	    {.name = scale_name,
		.dtype = FC_F32,
		.n_dim = 2,
		.dim = {(n_out + BLOCK - 1) / BLOCK, (int64_t)across},
		.data = scale,
		.n_bytes = n_scale * sizeof *scale}};
	return write_model_as(dir,
	    quantized ? "{" DEEPSEEK
			", \"quantization_config\": {\"quant_method\": \"fp8\", \"fmt\": \"e4m3\", "
			"\"activation_scheme\": \"dynamic\", \"weight_block_size\": [8, 8]}}"
		      : "{" DEEPSEEK "}",
	    NULL, change, quantized ? 3 : 2, 5, &err);
}

/* DeepSeek-V3 is published so: matrices of latents and of experts, whatever their shapes. */
static void test_blocks(struct fc_nn *nn)
{
	static const struct {
		const char *name;
		int64_t n_out, n_in;
	} matrix[] = {{"model.layers.0.self_attn.kv_a_proj_with_mqa", 18, 20},
	    {"model.layers.1.self_attn.kv_b_proj", 16, 12},
	    {"model.layers.1.self_attn.q_b_proj", 20, 6},
	    {"model.layers.1.mlp.experts.2.down_proj", 20, 9},
	    {"model.layers.1.mlp.shared_experts.up_proj", 9, 20}};
	static const uint32_t tok[] = {3, 1, 4, 1, 18};
	static const size_t off[] = {0, 5};
	for (size_t i = 0; i < FC_LEN(matrix); i++) {
		float x[2][5 * 20];
		for (int quantized = 0; quantized < 2; quantized++) {
			struct fc_model *m = NULL;
			err.msg[0] = 0;
			if (!T_OK(write_blocks(matrix[i].name, matrix[i].n_out, matrix[i].n_in,
				      quantized) == 0 &&
				    fc_model_open(&m, dir, nn, &err) == 0,
				"%s in %s %s", matrix[i].name, quantized ? "FP8" : "bfloat16",
				err.msg))
				return;
			fc_model_hidden(nn, m, &(struct fc_batch){tok, off, 1},
			    OUT(nn, x[quantized], 5 * 20), &err);
			device_back(nn);
			fc_model_close(m);
		}
		T_OK(!memcmp(x[0], x[1], sizeof x[0]), "it is the matrix of its numbers");
	}
	remove_model_files(dir);
}

int main(void)
{
	json_t *cases = fc_json_file("tests/data/model/quantized.json", &err);
	if (!T_OK(cases && mkdtemp(dir), "set up %s", err.msg))
		return t_done();
	struct fc_nn *nn = open_nn(FC_COMPUTE_F32);
	for (size_t i = 0; i < json_array_size(cases); i++)
		test_case(json_array_get(cases, i));
	test_others(cases);
	test_model(nn);
	test_experts(nn);
	test_blocks(nn);
	fc_nn_close(nn);
	json_decref(cases);
	rmdir(dir);
	return t_done();
}
