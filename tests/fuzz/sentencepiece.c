/* SPDX-License-Identifier: Apache-2.0 */
/* SentencePiece models, and what encodes and decodes with them. */
#include "tokrun.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return n && *p == 0x0a ? tokrun(p, n) : 0;
}
