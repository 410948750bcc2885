/* SPDX-License-Identifier: Apache-2.0 */
/* Values of tensors as GGUF files keep them: in blocks, rows in rotary pairs, columns first. */
#include "fc-varm/source/values.h"
#include "t.h"

#define ROWS 8
#define COLUMNS 64

static float value(size_t row, size_t column)
{
	return (float)((int)((row * 131 + column * 17) % 255) - 127) / 127;
}

static double worst(const struct values *f, double tolerance, size_t step)
{
	double out[ROWS * COLUMNS], most = 0;
	for (size_t i = 0; i < ROWS * COLUMNS; i += step)
		varm_values_read(f, i, step, out + i);
	for (size_t i = 0; i < ROWS * COLUMNS; i++)
		most = fmax(most, fabs(out[i] - (double)value(i / COLUMNS, i % COLUMNS)));
	return most - tolerance;
}

/* The row of the tensor that stands in place i of two heads of four rows in pairs. */
static size_t paired(size_t i)
{
	size_t head = i / 4, in = i % 4;
	return head * 4 + in / 2 + in % 2 * 2;
}

int main(void)
{
	float plain[ROWS * COLUMNS], pairs[ROWS * COLUMNS], columns[ROWS * COLUMNS];
	unsigned char packed[ROWS * COLUMNS * 2];
	for (size_t i = 0; i < ROWS; i++)
		for (size_t j = 0; j < COLUMNS; j++) {
			plain[i * COLUMNS + j] = value(i, j);
			pairs[i * COLUMNS + j] = value(paired(i), j);
			columns[j * ROWS + i] = value(i, j);
		}
	fc_from_f32(packed, FC_Q8_0, pairs, ROWS * COLUMNS);

	struct fc_tensor t = {.name = "x",
	    .dtype = FC_F32,
	    .n_dim = 2,
	    .dim = {ROWS, COLUMNS},
	    .data = plain,
	    .n_bytes = sizeof plain};
	struct values f = varm_values_mapped(&t, 3);
	T_OK(worst(&f, 0, 32) == 0, "plain");
	T_OK(varm_values_bytes(&f, 5) == (const void *)(plain + 5) && f.model == 3, "its bytes");
	T_EQ(varm_values_dtype(FC_BF16), FC_BF16, "a plain type stays");

	t.data = pairs;
	t.order = FC_ORDER_PAIRS;
	t.head_rows = 4;
	f = varm_values_mapped(&t, 0);
	T_OK(worst(&f, 0, 32) == 0 && worst(&f, 0, 256) == 0, "rows in pairs");
	T_OK(!varm_values_bytes(&f, 0), "no bytes to copy");

	t.data = columns;
	t.order = FC_ORDER_COLUMNS;
	f = varm_values_mapped(&t, 0);
	T_OK(worst(&f, 0, 1) == 0 && worst(&f, 0, 128) == 0, "columns first");

	t = (struct fc_tensor){.name = "x",
	    .dtype = FC_Q8_0,
	    .n_dim = 2,
	    .dim = {ROWS, COLUMNS},
	    .data = packed,
	    .n_bytes = fc_dtype_bytes(FC_Q8_0, ROWS * COLUMNS),
	    .order = FC_ORDER_PAIRS,
	    .head_rows = 4};
	f = varm_values_mapped(&t, 0);
	/* half a step of 1/127, and the scale's rounding to float16 */
	T_OK(worst(&f, 0.5 / 127 + 0x1p-11, 32) <= 0, "blocks, in pairs");
	T_OK(!varm_values_bytes(&f, 0), "no bytes of blocks");
	T_EQ(varm_values_dtype(FC_Q8_0), FC_F16, "float16 in place of blocks");
	return t_done();
}
