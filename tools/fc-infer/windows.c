/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/windows.h"

#include "base/mem.h"

static void put_window(struct windows *w, struct window v)
{
	FC_GROW(w->v, w->cap, w->n + 1);
	w->v[w->n++] = v;
}

void infer_windows_add_whole(struct windows *w, size_t n)
{
	put_window(w, (struct window){0, n, n ? 1 : 0, n, false});
}

static void put_rolling(struct windows *w, size_t n, size_t most, size_t stride)
{
	size_t last = n < most + 1 ? n : most + 1;
	if (n < 2)
		return;
	put_window(w, (struct window){0, last - 1, 1, last, false});
	while (last < n) {
		const size_t first = last;
		last = n - first < stride ? n : first + stride;
		put_window(w, (struct window){last - 1 - most, last - 1, first, last, false});
	}
}

static void put_strided(struct windows *w, size_t n, size_t most, size_t stride)
{
	size_t before = 1;
	for (size_t begin = 0; begin < n; begin += stride) {
		const size_t end = n - begin < most ? n : begin + most;
		const size_t first = before > begin ? before : begin + 1;
		if (first < end)
			put_window(w, (struct window){begin, end, first, end, false});
		before = end;
		if (end == n)
			break;
	}
}

static void put_chunks(struct windows *w, size_t n, size_t most)
{
	for (size_t begin = 0; most <= n - begin; begin += most)
		put_window(w,
		    (struct window){begin, begin + most, begin + most / 2 + 1, begin + most, true});
}

void infer_windows_add(
    struct windows *w, enum window_rule rule, size_t n, size_t most, size_t stride)
{
	if (rule == WINDOW_ROLLING)
		put_rolling(w, n, most, stride);
	else if (rule == WINDOW_STRIDED)
		put_strided(w, n, most, stride);
	else
		put_chunks(w, n, most);
}
