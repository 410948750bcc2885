/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and bits of marks against looking at each one. */
#include "fc-varm/method/marked.h"

#include "base/mem.h"
#include "base/rng.h"
#include "t.h"

/* Whether some list or bit of n marks, of which about one in `rare` is set, is wrong. */
static bool is_wrong(struct fc_rng *r, size_t n, uint64_t rare)
{
	uint8_t mark[MARKED_MOST + MARKED_ROOM] = {0}, bits[MARKED_MOST / 8 + 1] = {0};
	uint16_t where[MARKED_PLACES], want[MARKED_MOST];
	size_t n_want = 0;
	for (size_t i = 0; i < n; i++) {
		mark[i] = fc_rng_below(r, rare) == 0;
		if (mark[i])
			want[n_want++] = (uint16_t)i;
	}
	if (varm_marked_list(mark, n, where) != n_want ||
	    memcmp(where, want, n_want * sizeof *want))
		return true;
	varm_marked_pack(mark, n, bits);
	for (size_t i = 0; i < n; i++)
		if ((bits[i / 8] >> i % 8 & 1) != mark[i])
			return true;
	memset(where, 0, sizeof where);
	return varm_marked_list_bits(bits, n, where) != n_want ||
	    memcmp(where, want, n_want * sizeof *want) != 0;
}

/* Rows of bits put behind each other, wherever in a byte they begin. */
static bool is_appended_wrong(struct fc_rng *r, size_t n)
{
	enum { ROWS = 11 };
	uint8_t all[ROWS * (MARKED_MOST / 8 + 1)], want[ROWS * MARKED_MOST];
	memset(all, 0xff, sizeof all);
	for (size_t row = 0; row < ROWS; row++) {
		uint8_t mark[MARKED_MOST + MARKED_ROOM] = {0}, bits[MARKED_MOST / 8 + 8] = {0};
		for (size_t i = 0; i < n; i++)
			want[row * n + i] = mark[i] = fc_rng_below(r, 2) == 0;
		varm_marked_pack(mark, n, bits);
		varm_marked_append(all, row * n, bits, n);
	}
	for (size_t i = 0; i < ROWS * n; i++)
		if ((all[i / 8] >> i % 8 & 1) != want[i])
			return true;
	return false;
}

int main(void)
{
	size_t appended = 0;
	static const uint64_t rare[] = {1, 2, 5, 16, 40, 600};
	struct fc_rng r;
	fc_rng_seed(&r, 7);
	for (size_t d = 0; d < FC_LEN(rare); d++) {
		size_t wrong = 0;
		for (size_t n = 0; n <= MARKED_MOST; n++)
			wrong += is_wrong(&r, n, rare[d]);
		T_OK(wrong == 0, "one in %d marked: %zu of %zu lengths wrong", (int)rare[d], wrong,
		    MARKED_MOST + 1);
	}
	for (size_t n = 0; n <= MARKED_MOST; n++)
		appended += is_appended_wrong(&r, n);
	T_OK(appended == 0, "rows of bits: %zu lengths wrong", appended);
	return t_done();
}
