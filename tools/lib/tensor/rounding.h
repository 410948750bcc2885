/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TENSOR_ROUNDING_H
#define FC_TENSOR_ROUNDING_H

#include "tensor/dtype.h"

/*
 * How a float32 between two numbers of a narrower type becomes one of them.  Nearest loses every
 * change below half a step.  Stochastic takes the upper one with the probability of its distance
 * from the lower: each number is right on average, so that many small changes keep their sum.  What
 * an element draws depends on the seed, the tensor's name and the element's place only.
 */
enum fc_round { FC_ROUND_NEAREST, FC_ROUND_STOCHASTIC, FC_ROUND_N };
extern const char *const fc_round_words[]; /* of an option (base/opt.h) */
struct fc_rounding {                       /* {0}: to nearest even */
	bool stochastic;
	uint64_t seed;
};

/* out[i] = in[i], elements first, first + 1, ... of the tensor called name.  Stochastic is for F16
 * and BF16, also where they are subnormal; F32 is exact; a number beyond the largest of the type,
 * an infinity and a NaN become what fc_from_f32() makes of them. */
void fc_round_f32(void *out, enum fc_dtype t, const float *in, size_t n,
    const struct fc_rounding *how, const char *name, size_t first);

#endif
