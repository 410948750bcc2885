/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_PLANE_H
#define FC_STREAM_PLANE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Byte planes: n values of 1 to 4 bytes, first all the lowest bytes, then all the next ones.
 * What is alike then stands together, and the compressor finds it.
 */
int fc_plane_width(uint32_t max); /* bytes a value up to max needs; at least 1 */
void fc_plane_split(uint8_t *out, const uint32_t *in, size_t n, int width);
void fc_plane_join(uint32_t *out, const uint8_t *in, size_t n, int width);
uint32_t fc_plane_max(const uint32_t *v, size_t n); /* 0 when empty */

/* float16 bits of -logprob.  Lower than -65504, infinity too, becomes -65504; up to 0.001 above
 * zero (rounding of a softmax) becomes 0.  NaN and more: FC_BAD_LOGPROB. */
#define FC_BAD_LOGPROB 0xffffu
#define FC_MAX_LOGPROB_BITS 0x7bffu
uint32_t fc_logprob_bits(float logprob);
/* out[i] = the log-probability of bits[i] <= FC_MAX_LOGPROB_BITS */
void fc_logprob_values(float *out, const uint32_t *bits, size_t n);

#endif
