/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/method/threshold_select.h"

#include <stdbool.h>

#define BINS ((size_t)4096)

static bool goes_before(struct threshold_entry a, struct threshold_entry b)
{
	return a.key > b.key || (a.key == b.key && a.index < b.index);
}

/* Leaves of v[*n], with keys from low to high, those between which the k-th is: keys are counted
 * in ever narrower intervals until few are left, or all are equal. */
static void narrow_entries(
    struct threshold_entry *v, size_t *n, size_t *k, uint64_t low, uint64_t high)
{
	while (*n > BINS && low < high) {
		size_t count[BINS] = {0}, b = BINS - 1, left = 0;
		int shift = 0;
		while ((high - low) >> shift >= BINS)
			shift++;
		for (size_t i = 0; i < *n; i++)
			count[(v[i].key - low) >> shift]++;
		for (; *k >= count[b]; b--)
			*k -= count[b];
		for (size_t i = 0; i < *n; i++)
			if ((v[i].key - low) >> shift == b)
				v[left++] = v[i];
		*n = left;
		low += (uint64_t)b << shift;
		high = low + (((uint64_t)1 << shift) - 1);
	}
}

struct threshold_entry varm_threshold_select(
    struct threshold_entry *v, size_t n, size_t k, uint64_t low, uint64_t high)
{
	narrow_entries(v, &n, &k, low, high);
	size_t from = 0, to = n - 1;
	while (from < to) {
		struct threshold_entry pivot = v[from + (to - from) / 2];
		size_t i = from, j = to;
		while (i <= j) {
			while (goes_before(v[i], pivot))
				i++;
			while (goes_before(pivot, v[j]))
				j--;
			if (i > j)
				break;
			struct threshold_entry t = v[i];
			v[i++] = v[j];
			v[j] = t;
			if (!j)
				break;
			j--;
		}
		if (k <= j)
			to = j;
		else if (k >= i)
			from = i;
		else
			break;
	}
	return v[k];
}
