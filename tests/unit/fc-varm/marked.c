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

int main(void)
{
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
	return t_done();
}
