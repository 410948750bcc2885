/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of the packed types of LANES rows at once, taken apart and summed up; included by
 * few_packed_vnni.c and few_packed_avx2.c, so without a guard.  Layouts: ggml-common.h, and
 * tensor/quant_unpack.h, which does the same of one block. */
#include "tensor/quant_unpack.h"

/* A block of each of LANES outputs: that of output i + 4 k is at fourth[k] + i apart, so that few
 * registers hold where all of them are. */
struct tile {
	const char *fourth[LANES / 4];
	size_t apart;
};

INLINE const char *place(const struct tile *t, size_t lane, size_t at)
{
	return t->fourth[lane / 4] + lane % 4 * t->apart + at;
}

INLINE struct tile tile_further(struct tile t, size_t bytes)
{
	for (int k = 0; k < LANES / 4; k++)
		t.fourth[k] += bytes;
	return t;
}

/* Four bytes of every output, one by one: Zen 4 gathers more slowly. */
INLINE int word_of(const struct tile *t, size_t lane, size_t at)
{
	int word;
	memcpy(&word, place(t, lane, at), sizeof word);
	return word;
}

INLINE __m128i words_of_four(const struct tile *t, size_t k, size_t at)
{
	__m128i v = _mm_cvtsi32_si128(word_of(t, 4 * k, at));
	v = _mm_insert_epi32(v, word_of(t, 4 * k + 1, at), 1);
	v = _mm_insert_epi32(v, word_of(t, 4 * k + 2, at), 2);
	return _mm_insert_epi32(v, word_of(t, 4 * k + 3, at), 3);
}

INLINE ints word_at(const struct tile *t, size_t at)
{
	__m128i four[LANES / 4];
	for (size_t k = 0; k < LANES / 4; k++)
		four[k] = words_of_four(t, k, at);
	return ints_joined(four);
}

INLINE floats upper_half(ints word)
{
	return lower_half(ints_right(word, 16));
}

/* A float16 of every output. */
INLINE int half_of(const struct tile *t, size_t lane, size_t at)
{
	uint16_t half;
	memcpy(&half, place(t, lane, at), sizeof half);
	return half;
}

INLINE __m128i halves_of_eight(const struct tile *t, size_t from, size_t at)
{
	__m128i v = _mm_cvtsi32_si128(half_of(t, from, at));
	v = _mm_insert_epi16(v, half_of(t, from + 1, at), 1);
	v = _mm_insert_epi16(v, half_of(t, from + 2, at), 2);
	v = _mm_insert_epi16(v, half_of(t, from + 3, at), 3);
	v = _mm_insert_epi16(v, half_of(t, from + 4, at), 4);
	v = _mm_insert_epi16(v, half_of(t, from + 5, at), 5);
	v = _mm_insert_epi16(v, half_of(t, from + 6, at), 6);
	return _mm_insert_epi16(v, half_of(t, from + 7, at), 7);
}

INLINE floats halves_at(const struct tile *t, size_t at)
{
	__m128i eight[LANES / 8];
	for (size_t k = 0; k < LANES / 8; k++)
		eight[k] = halves_of_eight(t, 8 * k, at);
	return floats_of_halves(eight);
}

INLINE __m128i bytes_16(const struct tile *t, size_t lane, size_t at)
{
	__m128i r;
	memcpy(&r, place(t, lane, at), sizeof r);
	return r;
}

/* 16 bytes of every output, four of them in each of v. */
INLINE void turn_16(ints v[4], const struct tile *t, size_t at)
{
	ints z[4];
	for (size_t i = 0; i < 4; i++) {
		__m128i each[LANES / 4];
		for (size_t k = 0; k < LANES / 4; k++)
			each[k] = bytes_16(t, i + 4 * k, at);
		z[i] = ints_joined(each);
	}
	const ints a = ints_low_32(z[0], z[1]), b = ints_high_32(z[0], z[1]),
		   c = ints_low_32(z[2], z[3]), d = ints_high_32(z[2], z[3]);
	v[0] = ints_low_64(a, c);
	v[1] = ints_high_64(a, c);
	v[2] = ints_low_64(b, d);
	v[3] = ints_high_64(b, d);
}

INLINE void turn_32(ints v[8], const struct tile *t, size_t at)
{
	turn_16(v, t, at);
	turn_16(v + 4, t, at + 16);
}

INLINE ints masked(ints v, char bits)
{
	return ints_and(v, ints_of_bytes(bits));
}

/* 32 numbers of 4 bits in 16 bytes: the first 16 are the low halves. */
INLINE void nibbles_16(ints q[8], const struct tile *t, size_t at)
{
	ints v[4];
	turn_16(v, t, at);
	for (int i = 0; i < 4; i++) {
		q[i] = masked(v[i], 15);
		q[i + 4] = masked(ints_right(v[i], 4), 15);
	}
}

/* Bit i of a row's word at "at" is bit 4 of its number i. */
INLINE void fifths_set(ints q[8], const struct tile *t, size_t at)
{
	const ints bits = word_at(t, at);
	for (int i = 0; i < 8; i++)
		q[i] = ints_with_16(
		    q[i], ints_byte(bits, i / 2), ints_of((int)(i % 2 ? 0x80402010 : 0x08040201)));
}

/* Blocks of 32, at byte "at" of the rows; UP as above. */
enum { Q4_0_UP = 3, Q4_1_UP = 0, Q5_0_UP = 4, Q5_1_UP = 0, Q8_0_UP = 7, IQ4_NL_UP = 7 };
/* Of 256. */
enum { Q2_K_UP = 0, Q3_K_UP = 2, Q4_K_UP = 0, Q5_K_UP = 0, Q6_K_UP = 5 };

INLINE void part_Q4_0(struct part *w, const struct tile *t)
{
	w->scale[0] = halves_at(t, 0);
	nibbles_16(w->q, t, 2);
}

INLINE void part_Q4_1(struct part *w, const struct tile *t)
{
	const ints both = word_at(t, 0);
	w->scale[0] = lower_half(both);
	w->min[0] = floats_negative(upper_half(both));
	nibbles_16(w->q, t, 4);
}

INLINE void part_Q5_0(struct part *w, const struct tile *t)
{
	w->scale[0] = halves_at(t, 0);
	nibbles_16(w->q, t, 6);
	fifths_set(w->q, t, 2);
}

INLINE void part_Q5_1(struct part *w, const struct tile *t)
{
	const ints both = word_at(t, 0);
	w->scale[0] = lower_half(both);
	w->min[0] = floats_negative(upper_half(both));
	nibbles_16(w->q, t, 8);
	fifths_set(w->q, t, 4);
}

INLINE void part_Q8_0(struct part *w, const struct tile *t)
{
	w->scale[0] = halves_at(t, 0);
	turn_32(w->q, t, 2);
	for (int i = 0; i < 8; i++)
		w->q[i] = ints_xor(w->q[i], ints_of_bytes(-128));
}

INLINE void part_IQ4_NL(struct part *w, const struct tile *t)
{
	static const uint8_t up_value[16] = {
	    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
	__m128i table;
	memcpy(&table, up_value, sizeof table);
	w->scale[0] = halves_at(t, 0);
	nibbles_16(w->q, t, 2);
	for (int i = 0; i < 8; i++)
		w->q[i] = ints_looked_up(table, w->q[i]);
}

#define FOR_BLOCKS_OF_32(DO) DO(Q4_0) DO(Q4_1) DO(Q5_0) DO(Q5_1) DO(Q8_0) DO(IQ4_NL)

#define BLOCK_OF_32(TYPE)                                                                          \
	INLINE void block_##TYPE(float *sum, const struct rows *x, const struct tile *t)           \
	{                                                                                          \
		struct part w;                                                                     \
		part_##TYPE(&w, t);                                                                \
		add_up(sum, x, &w, 1, TYPE##_HAS_MIN, TYPE##_UP);                                  \
	}
FOR_BLOCKS_OF_32(BLOCK_OF_32)

/* The rows of x s steps further on. */
INLINE struct rows beyond(const struct rows *x, int s)
{
	return (struct rows){x->x + s, x->ld, x->N, x->tiles};
}

INLINE floats scaled(floats d, ints by)
{
	return floats_times(d, floats_of(by));
}

INLINE ints low_bits(ints v, int n)
{
	return ints_and(v, ints_of((1 << n) - 1));
}

/* 8 scales and 8 minima of 6 bits in 12 bytes, see scales_of_8(). */
struct sixes {
	floats d, dmin;
	ints word[3];
};

INLINE void sixes_get(struct sixes *k, const struct tile *t)
{
	ints v[4];
	turn_16(v, t, 0);
	k->d = lower_half(v[0]);
	k->dmin = upper_half(v[0]);
	memcpy(k->word, v + 1, sizeof k->word);
}

INLINE void sixes_group(struct part *w, const struct sixes *k, int g)
{
	const int from = g % 4 * 8;
	ints scale, min;
	if (g < 4) {
		scale = low_bits(ints_right(k->word[0], from), 6);
		min = low_bits(ints_right(k->word[1], from), 6);
	} else {
		const ints top = ints_of(0x30);
		scale = ints_or(low_bits(ints_right(k->word[2], from), 4),
		    ints_and(ints_right(k->word[0], from + 2), top));
		min = ints_or(low_bits(ints_right(k->word[2], from + 4), 4),
		    ints_and(ints_right(k->word[1], from + 2), top));
	}
	w->scale[0] = scaled(k->d, scale);
	w->min[0] = scaled(k->dmin, min);
}

INLINE void block_Q4_K(float *sum, const struct rows *x, const struct tile *t)
{
	struct sixes k;
	sixes_get(&k, t);
	for (int g = 0; g < 8; g += 2) {
		ints v[8];
		turn_32(v, t, 16 + 16 * (size_t)g);
		for (int h = 0; h < 2; h++) {
			struct part w;
			const struct rows here = beyond(x, g + h);
			sixes_group(&w, &k, g + h);
			for (int i = 0; i < 8; i++)
				w.q[i] = masked(h ? ints_right(v[i], 4) : v[i], 15);
			add_up(sum, &here, &w, 1, true, 0);
		}
	}
}

INLINE void block_Q5_K(float *sum, const struct rows *x, const struct tile *t)
{
	struct sixes k;
	ints fifth[8];
	sixes_get(&k, t);
	turn_32(fifth, t, 16);
	for (int g = 0; g < 8; g += 2) {
		ints v[8];
		turn_32(v, t, 48 + 16 * (size_t)g);
		for (int h = 0; h < 2; h++) {
			struct part w;
			const struct rows here = beyond(x, g + h);
			sixes_group(&w, &k, g + h);
			for (int i = 0; i < 8; i++) {
				const ints low = masked(h ? ints_right(v[i], 4) : v[i], 15);
				const ints top = masked(ints_right(fifth[i], g + h), 1);
				w.q[i] = ints_or(low, ints_left(top, 4));
			}
			add_up(sum, &here, &w, 1, true, 0);
		}
	}
}

INLINE void block_Q6_K(float *sum, const struct rows *x, const struct tile *t)
{
	ints scale[4];
	const floats d = halves_at(t, 208);
	turn_16(scale, t, 192);
	for (int p = 0; p < 4; p++) { /* 32 bytes of low bits: numbers 32 * step and 64 on */
		ints v[8], top[8];
		turn_32(v, t, 32 * (size_t)p);
		turn_32(top, t, 128 + (size_t)(32 * (p / 2)));
		for (int h = 0; h < 2; h++) {
			struct part w;
			const int r = p % 2 + 2 * h, step = 4 * (p / 2) + r;
			const struct rows here = beyond(x, step);
			for (int i = 0; i < 2; i++) { /* groups 2 step and on, bytes with a sign */
				const ints byte =
				    ints_right(scale[step / 2], step % 2 * 16 + 8 * i);
				w.scale[i] = scaled(d, ints_right_signed(ints_left(byte, 24), 24));
			}
			for (int i = 0; i < 8; i++) {
				const ints two = masked(ints_right(top[i], 2 * r), 3);
				w.q[i] =
				    ints_or(masked(ints_right(v[i], 4 * h), 15), ints_left(two, 4));
			}
			add_up(sum, &here, &w, 2, false, Q6_K_UP);
		}
	}
}

INLINE void block_Q2_K(float *sum, const struct rows *x, const struct tile *t)
{
	const ints both = word_at(t, 80);
	const floats d = lower_half(both), dmin = upper_half(both);
	ints scale[4];
	turn_16(scale, t, 0);
	for (int step = 0; step < 8; step++) {
		ints v[8];
		struct part w;
		const struct rows here = beyond(x, step);
		turn_32(v, t, 16 + (size_t)(32 * (step / 4)));
		for (int i = 0; i < 2; i++) {
			const ints byte = ints_right(scale[step / 2], step % 2 * 16 + 8 * i);
			w.scale[i] = scaled(d, low_bits(byte, 4));
			w.min[i] = scaled(dmin, low_bits(ints_right(byte, 4), 4));
		}
		for (int i = 0; i < 8; i++)
			w.q[i] = masked(ints_right(v[i], step % 4 * 2), 3);
		add_up(sum, &here, &w, 2, true, Q2_K_UP);
	}
}

/* Scale g is 32 + 16 high + low; low: 4 bits of 8 bytes, high: 2 bits of 4 more. */
INLINE floats scale_Q3_K(floats d, const ints word[3], int g)
{
	const ints low = low_bits(ints_right(word[g / 4 % 2], g % 4 * 8 + g / 8 * 4), 4),
		   high = low_bits(ints_right(word[2], g % 4 * 8 + g / 4 * 2), 2);
	const ints s = ints_or(low, ints_left(high, 4));
	return scaled(d, ints_less(s, ints_of(32)));
}

INLINE void block_Q3_K(float *sum, const struct rows *x, const struct tile *t)
{
	const floats d = halves_at(t, 108);
	ints word[3], mask[8];
	for (size_t i = 0; i < 3; i++)
		word[i] = word_at(t, 96 + 4 * i);
	turn_32(mask, t, 0);
	for (int step = 0; step < 8; step++) {
		ints v[8];
		struct part w;
		const struct rows here = beyond(x, step);
		turn_32(v, t, 32 + (size_t)(32 * (step / 4)));
		for (int i = 0; i < 2; i++)
			w.scale[i] = scale_Q3_K(d, word, 2 * step + i);
		for (int i = 0; i < 8; i++) {
			const ints third = masked(ints_right(mask[i], step), 1);
			w.q[i] =
			    ints_or(masked(ints_right(v[i], step % 4 * 2), 3), ints_left(third, 2));
		}
		add_up(sum, &here, &w, 2, false, Q3_K_UP);
	}
}
