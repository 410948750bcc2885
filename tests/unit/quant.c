/* SPDX-License-Identifier: Apache-2.0 */
/* Packed types: what the gguf package makes of the same bytes and numbers, and what must hold of
 * any. */
#include "base/mem.h"
#include "base/rng.h"
#include "t.h"
#include "base/isa.h"
#include "tensor/tensor.h"

enum { N = 2048 };

/* Printed by tests/data/quant/vectors.py: the values 1, 600, 1200 and 2047 of N, and the FNV-1a of
 * all their bytes. */
static const struct {
	enum fc_dtype type;
	uint64_t hash;
	float value[4];
} decoded[] = {
    {FC_Q4_0, 0x4d2b74347937c890, {0x0.0p+0f, 0x1.534000p-6f, -0x1.01a800p+3f, -0x1.2b0000p+0f}},
    {FC_Q4_1, 0x10519735644b1f6a,
	{0x1.800000p-19f, -0x1.75ef80p+2f, 0x1.103a00p+0f, 0x1.85f400p-1f}},
    {FC_Q5_0, 0x343dc76b88d74baf,
	{0x1.080000p-19f, 0x1.dea000p-5f, 0x1.248000p+3f, -0x1.dc0000p-1f}},
    {FC_Q5_1, 0xe6ebc95e4150851b,
	{0x1.800000p-20f, 0x1.9d1000p+1f, -0x1.2bfc00p-1f, 0x1.085580p+0f}},
    {FC_Q8_0, 0xed85a2c2ec11859f,
	{0x1.200000p-21f, 0x1.a0b800p+4f, -0x1.901800p-1f, 0x1.944000p-4f}},
    {FC_Q2_K, 0x7c4d25e3bc4093bc,
	{0x1.800000p-23f, 0x1.d4aa00p-2f, -0x1.0918c0p+4f, 0x1.f54000p-3f}},
    {FC_Q3_K, 0x5b3404a63a3dea84, {-0x1.740000p-18f, -0x0.0p+0f, -0x1.a0fd00p-1f, -0x1.1d0000p+1f}},
    {FC_Q4_K, 0x311975ab295dccd8,
	{-0x1.380000p-18f, 0x1.8467d0p+7f, -0x1.5d8c00p+6f, -0x1.15fbc0p+6f}},
    {FC_Q5_K, 0xdf752abe40b76eef,
	{0x1.e60000p-17f, -0x1.87ba30p+6f, 0x1.414584p+5f, -0x1.917200p+2f}},
    {FC_Q6_K, 0xee614e7b8d00780a,
	{-0x1.b00000p-16f, 0x1.2ad400p+6f, 0x1.104f00p+8f, 0x1.792800p+7f}},
    {FC_IQ4_NL, 0x7f070a1115ec61b6,
	{0x1.3e0000p-17f, 0x1.3d4800p+5f, -0x1.f70a00p+3f, -0x1.478a00p-1f}},
};
static const struct {
	enum fc_dtype type;
	uint64_t hash;
} encoded[] = {
    {FC_Q8_0, 0x71a09aea20db359a},
    {FC_Q4_0, 0xa91dfa18f70f288c},
};

/* Where a block has halves; the numbers are ggml's, which seed the bytes. */
static const struct layout {
	enum fc_dtype type;
	uint32_t seed;
	int half[2];
} layouts[] = {{FC_Q4_0, 2, {0, 0}}, {FC_Q4_1, 3, {0, 2}}, {FC_Q5_0, 6, {0, 0}},
    {FC_Q5_1, 7, {0, 2}}, {FC_Q8_0, 8, {0, 0}}, {FC_Q2_K, 10, {80, 82}}, {FC_Q3_K, 11, {108, 108}},
    {FC_Q4_K, 12, {0, 2}}, {FC_Q5_K, 13, {0, 2}}, {FC_Q6_K, 14, {208, 208}},
    {FC_IQ4_NL, 20, {0, 0}}};

static uint32_t fill(uint32_t seed, size_t i)
{
	uint32_t h = ((uint32_t)(i + 1) * 0x9e3779b1u) ^ seed;
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	return h ^ h >> 16;
}

static uint64_t fnv(const void *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)p)[i]) * 0x100000001b3;
	return h;
}

/* As vectors.py makes them; returns the bytes of N values. */
static size_t make_blocks(const struct layout *l, unsigned char *raw)
{
	const size_t size = fc_dtype_bytes(l->type, fc_dtype_block(l->type));
	const size_t n_bytes = fc_dtype_bytes(l->type, N);
	for (size_t i = 0; i < n_bytes; i++)
		raw[i] = (unsigned char)(fill(l->seed, i) >> 24);
	for (size_t at = 0; at < n_bytes; at += size)
		for (int k = 0; k < (l->half[0] == l->half[1] ? 1 : 2); k++) {
			unsigned char *p = raw + at + l->half[k];
			uint32_t h = p[0] | (uint32_t)p[1] << 8;
			h = at ? (h & 0x83ff) | (8 + (h >> 10 & 7)) << 10 : 3;
			p[0] = (unsigned char)h;
			p[1] = (unsigned char)(h >> 8);
		}
	return n_bytes;
}

static void test_decoding(const struct layout *l)
{
	static unsigned char raw[2 * N];
	static float f[N + 1];
	static double d[N];
	const char *name = fc_dtype_name(l->type);
	static const size_t at[4] = {1, 600, 1200, N - 1};
	make_blocks(l, raw + 1);
	f[N] = 42;
	fc_to_f32(f, raw + 1, l->type, N);
	fc_to_f64(d, raw + 1, l->type, N);
	for (size_t i = 0; i < FC_LEN(decoded); i++) {
		if (decoded[i].type != l->type)
			continue;
		bool same = true;
		for (size_t j = 0; j < 4; j++)
			same = same && f[at[j]] == decoded[i].value[j];
		T_OK(same, "%s: values", name);
		T_OK(fnv(f, sizeof(float) * N) == decoded[i].hash, "%s: all of them", name);
	}
	size_t wrong = f[N] != 42;
	for (size_t i = 0; i < N; i++)
		wrong += (float)d[i] != f[i];
	T_EQ(wrong, 0, "in double they round to those");
}

/* q and scale by the definition of two types, in double. */
static void test_definition(void)
{
	static unsigned char raw[2 * N];
	static double d[N];
	size_t wrong = 0;
	make_blocks(&layouts[1], raw);
	fc_to_f64(d, raw, FC_Q4_1, N);
	for (size_t i = 0; i < N; i++) {
		const unsigned char *p = raw + i / 32 * 20;
		const int q = i % 32 < 16 ? p[4 + i % 16] & 15 : p[4 + i % 16] >> 4;
		const double scale = fc_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
		const double min = fc_f16_to_f32((uint16_t)(p[2] | p[3] << 8));
		wrong += d[i] != scale * q + min;
	}
	T_EQ(wrong, 0, "Q4_1 in double is exact");
	wrong = 0;
	make_blocks(&layouts[9], raw);
	fc_to_f64(d, raw, FC_Q6_K, N);
	for (size_t i = 0; i < N; i++) {
		const unsigned char *p = raw + i / 256 * 210;
		const size_t h = i % 256 / 128, r = i % 128 / 32, l = i % 32;
		const int low = p[64 * h + 32 * (r & 1) + l] >> 4 * (r >> 1) & 15;
		const int high = p[128 + 32 * h + l] >> 2 * r & 3;
		const double scale = fc_f16_to_f32((uint16_t)(p[208] | p[209] << 8));
		wrong +=
		    d[i] != scale * (signed char)p[192 + i % 256 / 16] * ((low | high << 4) - 32);
	}
	T_EQ(wrong, 0, "Q6_K in double is exact");
}

static void test_encoding(void)
{
	static float x[N];
	static unsigned char raw[2 * N];
	for (size_t i = 0; i < N; i++)
		x[i] = ldexpf((float)(int32_t)fill(99, i), -29 + (int)(i / 32 % 30) - 20);
	for (size_t i = 0; i < 32; i++) {
		x[3 * 32 + i] = 0;
		x[7 * 32 + i] = rintf(x[7 * 32 + i] * 8192) / 8192;
	}
	x[5 * 32 + 7] = 100;
	x[5 * 32 + 9] = -100;
	for (size_t i = 0; i < FC_LEN(encoded); i++) {
		fc_from_f32(raw, encoded[i].type, x, N);
		T_OK(fnv(raw, fc_dtype_bytes(encoded[i].type, N)) == encoded[i].hash,
		    "%s: the reference's blocks", fc_dtype_name(encoded[i].type));
	}
}

/* Half a step, and what rounding the step to a half adds, lie between a value and its code's; what
 * is not finite stays so. */
static void test_error(enum fc_dtype t, double steps)
{
	static float x[N], y[N];
	static unsigned char raw[2 * N];
	struct fc_rng r;
	size_t wrong = 0;
	fc_rng_seed(&r, 5);
	for (size_t i = 0; i < N; i++)
		x[i] = (float)fc_rng_normal(&r);
	fc_from_f32(raw, t, x, N);
	fc_to_f32(y, raw, t, N);
	for (size_t i = 0; i < N; i++) {
		float most = 0;
		for (size_t j = i / 32 * 32; j < i / 32 * 32 + 32; j++)
			most = fmaxf(most, fabsf(x[j]));
		wrong += fabsf(x[i] - y[i]) > most / steps;
	}
	T_EQ(wrong, 0, "near the values they stand for");
	static const float odd[] = {INFINITY, -INFINITY, NAN};
	for (size_t i = 0; i < FC_LEN(odd); i++) {
		x[33] = odd[i];
		fc_from_f32(raw, t, x, 64);
		fc_to_f32(y, raw, t, 64);
		T_OK(isfinite(y[31]) && !isfinite(y[33]), "%s: %f is not finite after",
		    fc_dtype_name(t), odd[i]);
	}
	x[33] = 1e-42f;
	for (size_t i = 34; i < 64; i++)
		x[i] = x[32] = 0;
	fc_from_f32(raw, t, x, 64);
	fc_to_f32(y, raw, t, 64);
	T_OK(y[33] == 0 && y[34] == 0, "%s: too small for a half becomes 0", fc_dtype_name(t));
}

static void test_sizes(void)
{
	size_t n;
	struct fc_tensor t = {.dtype = FC_Q4_K, .n_dim = 2, .dim = {3, 512}};
	T_OK(fc_tensor_bytes(&t, &n) && n == 6 * 144, "bytes of a packed matrix");
	t.dim[1] = 128, t.dim[0] = 12;
	T_OK(!fc_tensor_bytes(&t, &n), "rows that are no whole blocks");
	t = (struct fc_tensor){.dtype = FC_F16, .n_dim = 2, .dim = {3, 5}};
	T_OK(fc_tensor_bytes(&t, &n) && n == 30, "bytes of a plain matrix");
}

int main(void)
{
	const enum fc_isa most = fc_isa();
	for (enum fc_isa isa = FC_ISA_BASELINE; isa <= most && isa <= FC_ISA_AVX512; isa++) {
		printf("# %s\n", fc_isa_name(isa));
		fc_isa_limit(isa);
		for (size_t i = 0; i < FC_LEN(layouts); i++)
			test_decoding(&layouts[i]);
		test_definition();
		test_encoding();
		test_error(FC_Q8_0, 225);
		test_error(FC_Q4_0, 7.9);
	}
	test_sizes();
	return t_done();
}
