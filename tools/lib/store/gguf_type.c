/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "store/gguf_file.h"

size_t fc_gguf_type_size(enum fc_gguf_type t)
{
	static const unsigned char size[FC_GGUF_TYPE_N] = {
	    [FC_GGUF_U8] = 1,
	    [FC_GGUF_I8] = 1,
	    [FC_GGUF_U16] = 2,
	    [FC_GGUF_I16] = 2,
	    [FC_GGUF_U32] = 4,
	    [FC_GGUF_I32] = 4,
	    [FC_GGUF_F32] = 4,
	    [FC_GGUF_BOOL] = 1,
	    [FC_GGUF_U64] = 8,
	    [FC_GGUF_I64] = 8,
	    [FC_GGUF_F64] = 8,
	};
	return size[t];
}

const char *fc_gguf_type_name(enum fc_gguf_type t)
{
	static const char *const name[FC_GGUF_TYPE_N] = {"u8", "i8", "u16", "i16", "u32", "i32",
	    "f32", "bool", "string", "array", "u64", "i64", "f64"};
	return name[t];
}

/* ggml's numbers of tensor types (ggml.h, enum ggml_type). */
static const struct {
	const char *name; /* NULL: given up by the format */
	enum fc_dtype dtype;
	bool supported;
} dtypes[] = {
    [0] = {"F32", FC_F32, true},
    [1] = {"F16", FC_F16, true},
    [2] = {"Q4_0", FC_Q4_0, true},
    [3] = {"Q4_1", FC_Q4_1, true},
    [6] = {"Q5_0", FC_Q5_0, true},
    [7] = {"Q5_1", FC_Q5_1, true},
    [8] = {"Q8_0", FC_Q8_0, true},
    [9] = {.name = "Q8_1"},
    [10] = {"Q2_K", FC_Q2_K, true},
    [11] = {"Q3_K", FC_Q3_K, true},
    [12] = {"Q4_K", FC_Q4_K, true},
    [13] = {"Q5_K", FC_Q5_K, true},
    [14] = {"Q6_K", FC_Q6_K, true},
    [15] = {.name = "Q8_K"},
    [16] = {.name = "IQ2_XXS"},
    [17] = {.name = "IQ2_XS"},
    [18] = {.name = "IQ3_XXS"},
    [19] = {.name = "IQ1_S"},
    [20] = {"IQ4_NL", FC_IQ4_NL, true},
    [21] = {.name = "IQ3_S"},
    [22] = {.name = "IQ2_S"},
    [23] = {.name = "IQ4_XS"},
    [24] = {"I8", FC_I8, true},
    [25] = {"I16", FC_I16, true},
    [26] = {"I32", FC_I32, true},
    [27] = {"I64", FC_I64, true},
    [28] = {"F64", FC_F64, true},
    [29] = {.name = "IQ1_M"},
    [30] = {"BF16", FC_BF16, true},
    [34] = {.name = "TQ1_0"},
    [35] = {.name = "TQ2_0"},
    [39] = {.name = "MXFP4"},
};

bool fc_gguf_dtype(uint32_t number, enum fc_dtype *t, const char **name)
{
	*name = number < FC_LEN(dtypes) ? dtypes[number].name : NULL;
	if (!*name || !dtypes[number].supported)
		return false;
	*t = dtypes[number].dtype;
	return true;
}

bool fc_gguf_dtype_number(enum fc_dtype t, uint32_t *number)
{
	for (uint32_t i = 0; i < FC_LEN(dtypes); i++) {
		if (dtypes[i].supported && dtypes[i].dtype == t) {
			*number = i;
			return true;
		}
	}
	return false;
}
