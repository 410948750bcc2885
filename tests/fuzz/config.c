/* SPDX-License-Identifier: Apache-2.0 */
/* config.json, and the tables that are made from it. */
#include "input.h"

#include "model/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct fc_config c;
	struct fc_slot *slot;
	struct fc_err e;
	if (fc_config_load(&c, input_file(p, n, 0), &e) < 0)
		return 0;
	float *freq = calloc(c.rope.n_rot / 2 + 1, sizeof *freq);
	fc_ropespec_rope(&c.rope, 1, freq);
	fc_ropespec_rope(&c.rope, (size_t)1 << 40, freq);
	free(freq);
	size_t n_slot = fc_slots_new(&slot, &c, NULL);
	fc_slots_free(slot, n_slot);
	fc_config_release(&c);
	return 0;
}
