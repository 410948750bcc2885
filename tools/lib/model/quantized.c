/* SPDX-License-Identifier: Apache-2.0 */
#include "model/quantized.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/fields.h"

static const char *const scales_of_tensors[] = {".weight_scale", NULL};
static const char *const scales_of_fp8[] = {".weight_scale_inv", ".weight_scale", NULL};
static const char *const scales_of_int8[] = {".SCB", NULL};

static int refuse(const struct fc_fields *s, const char *what)
{
	return fc_fail(s->e, "%s: %s is not supported", s->where, what);
}

/* A member that must be absent, null, false, or empty. */
static int refuse_member(const struct fc_fields *s, const char *key)
{
	const json_t *v = json_object_get(s->o, key);
	if (!v || json_is_null(v) || json_is_false(v) ||
	    (json_is_object(v) && !json_object_size(v)) ||
	    (json_is_array(v) && !json_array_size(v)))
		return 0;
	return refuse(s, key);
}

static int read_bits(
    const struct fc_fields *s, const char *key, int64_t def, struct fc_quantized *q)
{
	if (fc_fields_natural(s, key, def, 1, 32, &q->bits) < 0)
		return -1;
	if (q->bits == 2 || q->bits == 4 || q->bits == 8)
		return 0;
	return fc_fail(
	    s->e, "%s: %s: %zu is not supported (2, 4 and 8 are)", s->where, key, q->bits);
}

/* -1: a whole row. */
static int read_group(
    const struct fc_fields *s, const char *key, int64_t def, struct fc_quantized *q)
{
	int64_t n;
	if (fc_json_int(s->o, key, def, &n, s->where, s->e) < 0)
		return -1;
	if (n < -1 || n == 0 || n > 1 << 20)
		return fc_fail(
		    s->e, "%s: %s: %lld is not in 1 to 2^20", s->where, key, (long long)n);
	q->n_row = 1;
	q->n_col = n < 0 ? 0 : (size_t)n;
	return 0;
}

static int read_gptq(struct fc_quantized *q, const struct fc_fields *s)
{
	const char *format;
	q->kind = FC_QUANTIZED_GPTQ;
	if (read_bits(s, "bits", 4, q) < 0 || read_group(s, "group_size", 128, q) < 0 ||
	    refuse_member(s, "dynamic") < 0 ||
	    fc_json_str(s->o, "checkpoint_format", "gptq", &format, s->where, s->e) < 0)
		return -1;
	if (strcmp(format, "gptq") && strcmp(format, "gptq_v2"))
		return fc_fail(
		    s->e, "%s: checkpoint_format \"%.64s\" is not supported", s->where, format);
	q->zero_lacks = !strcmp(format, "gptq");
	return 0;
}

static int read_awq(struct fc_quantized *q, const struct fc_fields *s)
{
	const char *version;
	bool zeros = true;
	q->kind = FC_QUANTIZED_AWQ;
	if (read_bits(s, fc_fields_has(s, "w_bit") ? "w_bit" : "bits", 4, q) < 0 ||
	    read_group(
		s, fc_fields_has(s, "q_group_size") ? "q_group_size" : "group_size", 128, q) < 0 ||
	    fc_fields_flag(s, "zero_point", &zeros) < 0 ||
	    fc_json_str(s->o, "version", "gemm", &version, s->where, s->e) < 0)
		return -1;
	if (strcmp(version, "gemm") && strcmp(version, "GEMM"))
		return fc_fail(
		    s->e, "%s: AWQ's version \"%.64s\" is not supported", s->where, version);
	if (q->bits != 4 || !zeros)
		return refuse(s, "AWQ with other than 4 bits, or without zero points,");
	return 0;
}

/* weight_block_size, block_structure: [outputs, inputs] that share a scale. */
static int read_block(const struct fc_fields *s, const char *key, struct fc_quantized *q)
{
	const json_t *v = json_object_get(s->o, key);
	const json_int_t r = json_integer_value(json_array_get(v, 0));
	const json_int_t c = json_integer_value(json_array_get(v, 1));
	if (json_array_size(v) != 2 || r < 1 || c < 1 || r > 1 << 20 || c > 1 << 20)
		return fc_fail(s->e, "%s: %s: expected two sizes", s->where, key);
	q->n_row = (size_t)r;
	q->n_col = (size_t)c;
	return 0;
}

static int read_mxfp4(struct fc_quantized *q, const struct fc_fields *s)
{
	(void)s;
	q->kind = FC_QUANTIZED_MXFP4;
	return 0;
}

static int read_fp8(struct fc_quantized *q, const struct fc_fields *s)
{
	q->kind = FC_QUANTIZED_SCALED;
	q->scale = scales_of_fp8;
	return fc_fields_has(s, "weight_block_size") ? read_block(s, "weight_block_size", q) : 0;
}

static int read_bitsandbytes(struct fc_quantized *q, const struct fc_fields *s)
{
	bool four = false, eight = false;
	if (fc_fields_flag(s, "load_in_4bit", &four) < 0 ||
	    fc_fields_flag(s, "load_in_8bit", &eight) < 0)
		return -1;
	if (four == eight)
		return fc_fail(
		    s->e, "%s: expected load_in_4bit or load_in_8bit to be true", s->where);
	q->kind = four ? FC_QUANTIZED_CODED : FC_QUANTIZED_SCALED;
	q->n_row = 1;
	q->scale = scales_of_int8;
	q->scale_by = 1.0f / 127;
	return 0;
}

/* How weights of a group of config_groups share scales. */
static int read_strategy(struct fc_quantized *q, const struct fc_fields *s)
{
	const char *strategy;
	if (fc_json_str(s->o, "strategy", "tensor", &strategy, s->where, s->e) < 0)
		return -1;
	if (!strcmp(strategy, "group"))
		return read_group(s, "group_size", -1, q);
	if (!strcmp(strategy, "block"))
		return read_block(s, "block_structure", q);
	q->n_row = !strcmp(strategy, "channel");
	if (strcmp(strategy, "channel") && strcmp(strategy, "tensor"))
		return fc_fail(s->e, "%s: strategy \"%.64s\" is not supported", s->where, strategy);
	return 0;
}

static int read_compressed(struct fc_quantized *q, const struct fc_fields *s)
{
	const char *format;
	const json_t *groups = json_object_get(s->o, "config_groups");
	const json_t *group = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)groups));
	const struct fc_fields w = {json_object_get(group, "weights"), s->where, s->e};
	if (json_object_size(groups) != 1 || !json_is_object(w.o))
		return refuse(s, "compressed-tensors with other than one group of weights");
	if (refuse_member(s, "kv_cache_scheme") < 0 || refuse_member(s, "sparsity_config") < 0 ||
	    refuse_member(s, "transform_config") < 0 ||
	    fc_json_str(s->o, "format", "", &format, s->where, s->e) < 0 ||
	    read_strategy(q, &w) < 0)
		return -1;
	q->scale = scales_of_tensors;
	if (!strcmp(format, "pack-quantized")) {
		q->kind = FC_QUANTIZED_PACKED;
		return read_bits(&w, "num_bits", 8, q);
	}
	q->kind = FC_QUANTIZED_SCALED;
	if (strcmp(format, "int-quantized") && strcmp(format, "float-quantized") &&
	    strcmp(format, "naive-quantized"))
		return fc_fail(s->e,
		    "%s: compressed-tensors of the format \"%.64s\" are not supported", s->where,
		    format);
	return 0;
}

int fc_quantized_read(
    struct fc_quantized *q, const json_t *config, const char *where, struct fc_err *e)
{
	static const struct {
		const char *name;
		int (*read)(struct fc_quantized *q, const struct fc_fields *s);
	} methods[] = {{"gptq", read_gptq}, {"awq", read_awq}, {"fp8", read_fp8},
	    {"mxfp4", read_mxfp4}, {"bitsandbytes", read_bitsandbytes},
	    {"compressed-tensors", read_compressed}};
	const json_t *o = json_object_get(config, "quantization_config");
	const char *method = json_string_value(json_object_get(o, "quant_method"));
	*q = (struct fc_quantized){.scale_by = 1};
	if (!o || json_is_null(o))
		return 0;
	for (size_t i = 0; method && i < FC_LEN(methods); i++)
		if (!strcmp(method, methods[i].name)) {
			struct fc_buf b = FC_BUF_INIT;
			fc_buf_addf(&b, "%s: quantization_config", where);
			const struct fc_fields s = {o, b.p, e};
			q->method = methods[i].name;
			const int ret = methods[i].read(q, &s);
			fc_buf_release(&b);
			return ret;
		}
	return fc_fail(e,
	    "%s: quantization_config: quantized models of the kind \"%.64s\" are not supported "
	    "(gptq, awq, fp8, bitsandbytes and compressed-tensors are); take the model as it was "
	    "before, or as a GGUF file",
	    where, method ? method : "(without quant_method)");
}

bool fc_quantized_part(const struct fc_quantized *q, const struct fc_tensor *t, char **matrix)
{
	static const char *const parts[] = {".qweight", ".qzeros", ".scales", ".g_idx",
	    ".weight_packed", ".weight_scale", ".weight_scale_inv", ".weight_shape",
	    ".weight_zero_point", ".weight_g_idx", ".input_scale", ".input_zero_point",
	    ".activation_scale", ".SCB", ".weight_format", ".weight.absmax", ".weight.quant_map",
	    ".weight.nested_absmax", ".weight.nested_quant_map",
	    ".weight.quant_state.bitsandbytes__nf4", ".weight.quant_state.bitsandbytes__fp4",
	    ".bias"};
	const size_t n = strlen(t->name);
	*matrix = NULL;
	if (q->kind == FC_QUANTIZED_MXFP4 &&
	    (fc_ends_with(t->name, "_blocks") || fc_ends_with(t->name, "_scales"))) {
		*matrix = fc_memdup0(t->name, n - strlen("_blocks"));
		return true;
	}
	for (size_t i = 0; q->kind && i < FC_LEN(parts); i++) {
		const size_t m = strlen(parts[i]);
		if (n <= m || strcmp(t->name + n - m, parts[i]))
			continue;
		const char *zeros = t->data;
		for (size_t j = 0; !strcmp(parts[i], ".bias") && j < t->n_bytes; j++)
			if (zeros[j])
				return false;
		struct fc_buf b = FC_BUF_INIT;
		fc_buf_add(&b, t->name, n - m);
		fc_buf_adds(&b, ".weight");
		*matrix = fc_buf_detach(&b);
		return true;
	}
	return false;
}
