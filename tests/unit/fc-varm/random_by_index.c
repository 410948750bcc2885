/* SPDX-License-Identifier: Apache-2.0 */
/* Many random numbers at once against one at a time. */
#include "fc-varm/method/random_by_index.h"

#include <math.h>

#include "base/mem.h"
#include "t.h"

#define MOST 70

static size_t count_wrong(uint64_t key, uint64_t first, size_t n)
{
	/* the number of one entry itself, which is not below it */
	const double p[] = {0, 0.3, 1, random_by_index(key, first + n / 2), 0x1p-53, 2, -1};
	double all[MOST];
	uint16_t room[MOST + RANDOM_BY_INDEX_ROOM];
	uint8_t below[MOST];
	size_t wrong = 0;
	varm_random_by_index_fill(all, key, first, n);
	const uint16_t *upper = varm_random_by_index_upper(room, key, first, n);
	for (size_t i = 0; i < n; i++) {
		double want = random_by_index(key, first + i);
		wrong += all[i] != want || upper[i] != (uint16_t)floor(want * 0x1p16);
	}
	for (size_t j = 0; j < FC_LEN(p); j++) {
		varm_random_by_index_below(below, key, first, n, p[j]);
		for (size_t i = 0; i < n; i++)
			wrong += below[i] != (random_by_index(key, first + i) < p[j]);
	}
	return wrong;
}

int main(void)
{
	size_t wrong = 0;
	for (size_t n = 1; n <= MOST; n++)
		for (uint64_t s = 0; s < 50; s++)
			wrong += count_wrong(
			    varm_random_by_index_key(s, "w", (int)n), s * UINT64_C(0x300000001), n);
	T_OK(wrong == 0, "%zu numbers wrong", wrong);
	return t_done();
}
