/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions against the definition of each format in double arithmetic, over every value. */
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "base/isa.h"
#include "tensor/tensor.h"

/* The value of a small float of 1 sign, n_exp exponent and n_man mantissa bits; NaN for NaNs. */
static double decode(uint32_t x, int n_exp, int n_man)
{
	int exponent = (int)(x >> n_man) & ((1 << n_exp) - 1), bias = (1 << (n_exp - 1)) - 1;
	double man = x & ((1u << n_man) - 1), sign = x >> (n_exp + n_man) & 1 ? -1 : 1;
	if (exponent == (1 << n_exp) - 1)
		return man ? NAN : sign * INFINITY;
	if (!exponent)
		return sign * ldexp(man, 1 - bias - n_man);
	return sign * ldexp(man + (1 << n_man), exponent - bias - n_man);
}

static uint32_t bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, 4);
	return u;
}

static float from_bits(uint32_t u)
{
	float f;
	memcpy(&f, &u, 4);
	return f;
}

struct format {
	const char *name;
	enum fc_dtype type;
	int n_exp, n_man;
};
static const struct format formats[] = {{"F16", FC_F16, 5, 10}, {"BF16", FC_BF16, 8, 7}};

static void test_all_values(const struct format *f)
{
	size_t n = 65536, wrong = 0, moved = 0;
	uint16_t *in = fc_malloc(2 * n), *back = fc_malloc(2 * n);
	float *out = fc_malloc(4 * n);
	for (size_t i = 0; i < n; i++)
		in[i] = (uint16_t)i;
	fc_to_f32(out, in, f->type, n);
	fc_from_f32(back, f->type, out, n);
	for (size_t i = 0; i < n; i++) {
		double want = decode((uint32_t)i, f->n_exp, f->n_man);
		if (isnan(want)) {
			wrong += !isnan(out[i]) || !signbit(out[i]) != !(i >> 15);
			/* quiet, sign and payload kept */
			moved += back[i] != (i | 1u << (f->n_man - 1));
		} else {
			wrong += (double)out[i] != want || !signbit(out[i]) != !(i >> 15);
			moved += back[i] != i;
		}
	}
	T_EQ(wrong, 0, f->name);
	T_EQ(moved, 0, "and back: every value returns");
	free(in);
	free(back);
	free(out);
}

/* The nearest of all 2^15 magnitudes by search; ties go to the even one, half a step beyond the
 * largest to infinity. */
static uint32_t nearest(const struct format *f, double x)
{
	uint32_t sign = signbit(x) ? 1u << 15 : 0, inf = ((1u << f->n_exp) - 1) << f->n_man;
	double a = fabs(x);
	uint32_t lo = 0, hi = inf;
	while (hi - lo > 1) {
		uint32_t mid = (lo + hi) / 2;
		if (decode(mid, f->n_exp, f->n_man) <= a)
			lo = mid;
		else
			hi = mid;
	}
	double below = decode(lo, f->n_exp, f->n_man), above = decode(hi, f->n_exp, f->n_man);
	if (hi == inf)
		above = ldexp(1, 1 << (f->n_exp - 1));
	bool up = a - below > above - a || (a - below == above - a && (lo & 1));
	return sign | (isinf(x) || up ? hi : lo);
}

static void check_rounding(const struct format *f, const float *x, size_t n, const char *what)
{
	uint16_t *out = fc_malloc(2 * n);
	size_t wrong = 0;
	fc_from_f32(out, f->type, x, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t want = nearest(f, x[i]);
		if (out[i] != want && !wrong++)
			printf("# %a became %04x, expected %04x\n", x[i], out[i], want);
	}
	T_OK(!wrong, "%s: %s", f->name, what);
	free(out);
}

static void test_rounding(const struct format *f)
{
	size_t n = 0;
	float *x = fc_malloc(4 * 400000);
	/* around every value and every midpoint of two neighbours */
	for (uint32_t i = 0; i < (((1u << f->n_exp) - 1) << f->n_man); i++) {
		float mid =
		    (float)((decode(i, f->n_exp, f->n_man) + decode(i + 1, f->n_exp, f->n_man)) /
			2);
		if (isinf(mid))
			mid = f->type == FC_F16 ? 65520 : from_bits(0x7f7f8000);
		x[n++] = mid;
		x[n++] = -mid;
		x[n++] = nextafterf(mid, 0);
		x[n++] = nextafterf(mid, INFINITY);
	}
	check_rounding(f, x, n, "ties to even, both sides of each tie");
	static const float edges[] = {0, -0.0f, INFINITY, -INFINITY, 3.4028234664e38f, -3.4e38f,
	    65504, 65519.996f, 65520, 65536, 1e30f, 0x1p-149f, 0x1p-126f, 0x1p-24f, 0x1p-25f,
	    0x1.000002p-25f, 0x1p-14f, 0x1.ffep-15f, 0x1.fffp-15f, 1, -1};
	check_rounding(f, edges, FC_LEN(edges), "edges");
	struct fc_rng r;
	fc_rng_seed(&r, 7);
	for (n = 0; n < 100000; n++) {
		do
			x[n] = from_bits((uint32_t)fc_rng_u64(&r));
		while (isnan(x[n]));
	}
	check_rounding(f, x, n, "random bit patterns");
	uint16_t nan[3];
	float nans[3] = {from_bits(0x7f800001), from_bits(0xffc00000), from_bits(0x7fffffff)};
	fc_from_f32(nan, f->type, nans, 3);
	for (int i = 0; i < 3; i++)
		T_OK(isnan(decode(nan[i], f->n_exp, f->n_man)) && (nan[i] >> (f->n_man - 1) & 1) &&
			(nan[i] >> 15) == (bits(nans[i]) >> 31),
		    "%s: NaN %d stays a quiet NaN with its sign", f->name, i);
	free(x);
}

/* Doubles a hair beside each tie: rounding them to float first would make them ties. */
static void test_double_rounding(const struct format *f)
{
	static const double hair[] = {0, 0x1p-52, -0x1p-52, 0x1p-30, -0x1p-30, 0x1p-25, -0x1p-25};
	size_t n_value = ((1u << f->n_exp) - 1) << f->n_man, n = n_value * FC_LEN(hair);
	size_t wrong = 0, twice = 0;
	double *x = fc_malloc(8 * n);
	float *narrow = fc_malloc(4 * n);
	uint16_t *once = fc_malloc(2 * n), *through_float = fc_malloc(2 * n);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i / FC_LEN(hair);
		double lo = decode(at, f->n_exp, f->n_man), hi = decode(at + 1, f->n_exp, f->n_man);
		if (isinf(hi))
			hi = 2 * lo - decode(at - 1, f->n_exp, f->n_man);
		x[i] = (at % 2 ? -1 : 1) * (lo + hi) / 2 * (1 + hair[i % FC_LEN(hair)]);
		narrow[i] = (float)x[i];
	}
	fc_from_f64(once, f->type, x, n);
	fc_from_f32(through_float, f->type, narrow, n);
	for (size_t i = 0; i < n; i++) {
		wrong += once[i] != nearest(f, x[i]);
		twice += once[i] != through_float[i];
	}
	free(x);
	free(narrow);
	free(once);
	free(through_float);
	T_EQ(wrong, 0, "doubles round once");
	T_OK(twice > 1000, "%s: which differs from rounding twice (%zu times)", f->name, twice);
	double odd[] = {INFINITY, -INFINITY, -0.0, 1e300, -1e-300, NAN};
	uint16_t out[6];
	fc_from_f64(out, f->type, odd, 6);
	for (int i = 0; i < 5; i++)
		T_EQ(out[i], nearest(f, fmin(fmax(odd[i], -1e300), 1e300)), "doubles: edges");
	T_OK(isnan(decode(out[5], f->n_exp, f->n_man)), "doubles: NaN");
}

/* Every 16-bit value, floats and doubles through double and back. */
static void test_through_double(const struct format *f)
{
	size_t wrong = 0;
	uint16_t *in = fc_malloc(2 * 65536), *back = fc_malloc(2 * 65536);
	double *v = fc_malloc(8 * 65536);
	for (uint32_t i = 0; i < 65536; i++)
		in[i] = (uint16_t)i;
	fc_to_f64(v, in, f->type, 65536);
	fc_from_f64(back, f->type, v, 65536);
	for (uint32_t i = 0; i < 65536; i++) {
		double want = decode(i, f->n_exp, f->n_man);
		wrong += isnan(want) ? !isnan(v[i]) : v[i] != want || back[i] != i;
	}
	free(in);
	free(back);
	free(v);
	T_EQ(wrong, 0, "every value through double");
	double d[] = {0.1, -0x1p-1074, 1e300}, e[3];
	fc_to_f64(e, d, FC_F64, 3);
	T_OK(!memcmp(d, e, sizeof d), "F64 is copied");
	float g[] = {0.1f, -0x1p-149f, 3e38f}, h[3];
	fc_to_f64(e, g, FC_F32, 3);
	fc_from_f64(h, FC_F32, e, 3);
	T_OK(e[0] == (double)0.1f && !memcmp(g, h, sizeof g), "F32 through double");
}

/* Odd lengths and addresses give what one element at a time gives. */
static void test_alignment(void)
{
	static const enum fc_dtype types[] = {FC_F32, FC_F16, FC_BF16, FC_F64};
	float in[75], back[75];
	char raw[8 * 75 + 8];
	bool same = true;
	for (int i = 0; i < 75; i++)
		in[i] = (float)(i * 37 % 41) - 20.5f;
	for (size_t t = 0; t < FC_LEN(types); t++) {
		for (size_t n = 0; n <= 75; n++) {
			size_t size = fc_dtype_size(types[t]);
			memset(raw, 0x55, sizeof raw);
			memset(back, 0x55, sizeof back);
			fc_from_f32(raw + 1, types[t], in, n);
			fc_to_f32(back, raw + 1, types[t], n);
			same = same && !memcmp(back, in, 4 * n) && raw[0] == 0x55 &&
			    raw[1 + n * size] == 0x55 && (n == 75 || bits(back[n]) == 0x55555555);
		}
	}
	T_OK(same, "any length, at an odd address, and not a byte more");
	double d[3] = {1e300, -1e300, 0.1};
	fc_to_f32(back, d, FC_F64, 3);
	T_OK(isinf(back[0]) && back[1] == -INFINITY && back[2] == 0.1f, "F64 rounds to float");
}

static void test_names(void)
{
	enum fc_dtype t;
	bool all = true;
	for (int i = 0; i < FC_DTYPE_N; i++) {
		const enum fc_dtype is = (enum fc_dtype)i;
		if (fc_dtype_is_packed(is))
			all = all && !fc_dtype_parse(fc_dtype_name(is), &t) &&
			    fc_dtype_bytes(is, fc_dtype_block(is)) > 0;
		else
			all = all && fc_dtype_parse(fc_dtype_name(is), &t) && t == is &&
			    fc_dtype_size(t) > 0 && fc_dtype_bytes(t, 3) == 3 * fc_dtype_size(t);
	}
	T_OK(all, "every type has a size; those of safetensors are found by their names");
	T_OK(!fc_dtype_parse("f32", &t) && !fc_dtype_parse("", &t), "other names are not types");
	T_OK(fc_dtype_is_real(FC_F64) && !fc_dtype_is_real(FC_F8_E4M3), "8-bit floats are carried");
}

static void test_shapes(void)
{
	char text[192];
	size_t n;
	struct fc_tensor t = {.n_dim = 2, .dim = {32000, 4096}}, u = t;
	T_STR(fc_tensor_shape_text(&t, text), "[32000, 4096]", "shape as text");
	T_OK(fc_tensor_count(&t, &n) && n == 131072000, "shape: product");
	T_OK(fc_tensor_same_shape(&t, &u), "same shape");
	u.dim[1]++;
	T_OK(!fc_tensor_same_shape(&t, &u), "not the same shape");
	u.dim[0] = -1;
	T_OK(!fc_tensor_count(&u, &n), "a negative dimension has no count");
	u = (struct fc_tensor){.n_dim = 3, .dim = {INT64_MAX, INT64_MAX, 2}};
	T_OK(!fc_tensor_count(&u, &n), "an overflow has no count");
	u = (struct fc_tensor){.n_dim = 8};
	for (int i = 0; i < 8; i++)
		u.dim[i] = INT64_MIN;
	T_EQ(strlen(fc_tensor_shape_text(&u, text)), 2 + 8 * 20 + 7 * 2, "the longest shape fits");
	u.n_dim = 0;
	T_OK(!strcmp(fc_tensor_shape_text(&u, text), "[]") && fc_tensor_count(&u, &n) && n == 1,
	    "a scalar");
}

static void test_conversions(void)
{
	for (size_t i = 0; i < FC_LEN(formats); i++) {
		test_all_values(&formats[i]);
		test_rounding(&formats[i]);
		test_double_rounding(&formats[i]);
		test_through_double(&formats[i]);
	}
	test_alignment();
}

int main(void)
{
	const enum fc_isa most = fc_isa();
	for (enum fc_isa isa = FC_ISA_BASELINE; isa <= most && isa <= FC_ISA_AVX512; isa++) {
		printf("# %s\n", fc_isa_name(isa));
		fc_isa_limit(isa);
		test_conversions();
	}
	test_names();
	test_shapes();
	return t_done();
}
