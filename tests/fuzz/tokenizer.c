/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.json of every kind of model, and what encodes and decodes with it. */
#include "tokrun.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return n && *p == '{' ? tokrun(p, n) : 0;
}
