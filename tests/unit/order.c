/* SPDX-License-Identifier: Apache-2.0 */
/* Matrices that a file has in another order, element by element. */
#include "base/mem.h"
#include "t.h"
#include "tensor/tensor.h"

enum { ROWS = 12, COLS = 32 };

/* The same values in the matrix's own order, and in the file's by the definition of each order. */
static float plain[ROWS * COLS], stored[ROWS * COLS];

static size_t stored_row(enum fc_order order, size_t r)
{
	if (order == FC_ORDER_PAIRS) { /* heads of 6 rows: h, half, i -> h, i, half */
		const size_t h = r / 6, half = r % 6 / 3, i = r % 3;
		return h * 6 + 2 * i + half;
	}
	const size_t h = r / 6, c = r % 6 / 2, d = r % 2; /* 2 heads, q k v of 2 rows each */
	return c * 4 + h * 2 + d;
}

static void test_order(enum fc_order order, size_t head_rows, enum fc_dtype type, const char *name)
{
	static unsigned char bytes[ROWS * COLS * 4];
	float f[ROWS * COLS], packed[ROWS * COLS];
	double d[ROWS * COLS];
	size_t wrong = 0;
	for (size_t r = 0; r < ROWS; r++)
		for (size_t c = 0; c < COLS; c++) {
			plain[r * COLS + c] = (float)(r * COLS + c) - 100;
			if (order == FC_ORDER_COLUMNS)
				stored[c * ROWS + r] = plain[r * COLS + c];
			else
				stored[stored_row(order, r) * COLS + c] = plain[r * COLS + c];
		}
	fc_from_f32(bytes, type, stored, FC_LEN(stored));
	fc_to_f32(packed, bytes, type, FC_LEN(packed));
	const struct fc_tensor t = {.name = "t",
	    .dtype = type,
	    .n_dim = 2,
	    .dim = {ROWS, COLS},
	    .data = bytes,
	    .n_bytes = fc_dtype_bytes(type, (size_t)ROWS * COLS),
	    .order = order,
	    .head_rows = head_rows};
	const size_t step = fc_dtype_is_packed(type) ? COLS : 5;
	for (size_t at = 0; at < FC_LEN(f); at += step) {
		const size_t n = FC_LEN(f) - at < step ? FC_LEN(f) - at : step;
		fc_tensor_to_f32(&t, at, n, f + at);
		fc_tensor_to_f64(&t, at, n, d + at);
	}
	for (size_t i = 0; i < FC_LEN(f); i++) {
		const size_t r = i / COLS, c = i % COLS;
		const float want = order == FC_ORDER_COLUMNS
		    ? packed[c * ROWS + r]
		    : packed[stored_row(order, r) * COLS + c];
		wrong += f[i] != want || d[i] != (double)want ||
		    (!fc_dtype_is_packed(type) && want != plain[i]);
	}
	T_EQ(wrong, 0, name);
}

int main(void)
{
	test_order(FC_ORDER_PAIRS, 6, FC_F32, "rotary pairs");
	test_order(FC_ORDER_PAIRS, 6, FC_Q8_0, "rotary pairs, packed");
	test_order(FC_ORDER_QKV, 2, FC_F16, "queries, keys, values");
	test_order(FC_ORDER_QKV, 2, FC_Q8_0, "queries, keys, values, packed");
	test_order(FC_ORDER_COLUMNS, 0, FC_F32, "by columns");
	test_order(FC_ORDER_COLUMNS, 0, FC_Q8_0, "by columns, packed");
	return t_done();
}
