/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-infer/windows.h"

#include "t.h"

/* "begin-end:first-last ..." */
static void expect(
    enum window_rule rule, size_t n, size_t most, size_t stride, const char *want, const char *what)
{
	struct windows w = {0};
	char got[1000] = "";
	infer_windows_add(&w, rule, n, most, stride);
	for (size_t i = 0; i < w.n; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s%zu-%zu:%zu-%zu",
		    i ? " " : "", w.v[i].begin, w.v[i].end, w.v[i].first, w.v[i].last);
	T_STR(got, want, what);
	free(w.v);
}

/* Every token but the first is scored once, with at least `least` tokens of context from the second
 * window on, and no window reads more than `most`. */
static void check(
    enum window_rule rule, size_t n, size_t most, size_t stride, size_t least, const char *what)
{
	struct windows w = {0};
	size_t next = 1;
	bool good = true;
	infer_windows_add(&w, rule, n, most, stride);
	for (size_t i = 0; i < w.n; i++) {
		const struct window *v = &w.v[i];
		good = good && v->first == next && v->last > v->first && v->first > v->begin &&
		    v->end - v->begin <= most && v->last <= v->end + 1 && v->last <= n;
		good = good && (i == 0 || v->first - v->begin >= least);
		next = v->last;
	}
	T_OK(good && next == n, "%s: %zu tokens by %zu, stride %zu", what, n, most, stride);
	free(w.v);
}

int main(void)
{
	/* the lists of lm-evaluation-harness's own test: 34 tokens behind a prefix, windows of 10,
	 * 1 and 8 tokens of context */
	expect(WINDOW_ROLLING, 35, 10, 10, "0-10:1-11 10-20:11-21 20-30:21-31 24-34:31-35",
	    "rolling, 1 token of context");
	expect(WINDOW_ROLLING, 35, 10, 3,
	    "0-10:1-11 3-13:11-14 6-16:14-17 9-19:17-20 12-22:20-23 15-25:23-26 18-28:26-29 "
	    "21-31:29-32 24-34:32-35",
	    "rolling, 8 tokens of context");
	expect(WINDOW_ROLLING, 11, 10, 3, "0-10:1-11", "rolling, one window");
	expect(WINDOW_ROLLING, 1, 10, 3, "", "rolling, nothing to score");
	/* for begin in range(0, n, stride): end = min(begin + most, n); score what is new */
	expect(WINDOW_STRIDED, 20, 10, 4, "0-10:1-10 4-14:10-14 8-18:14-18 12-20:18-20", "strided");
	expect(WINDOW_STRIDED, 25, 10, 10, "0-10:1-10 10-20:11-20 20-25:21-25",
	    "strided without overlap loses the first token of each");
	expect(WINDOW_CHUNKS, 33, 10, 10, "0-10:6-10 10-20:16-20 20-30:26-30", "chunks");
	expect(WINDOW_CHUNKS, 9, 10, 10, "", "less than a chunk");
	for (size_t n = 2; n < 60; n += 7)
		for (size_t stride = 1; stride <= 9; stride += 4) {
			check(WINDOW_ROLLING, n, 9, stride, 9 - stride + 1, "rolling");
			if (stride < 9)
				check(WINDOW_STRIDED, n, 9, stride, 9 - stride, "strided");
		}
	return t_done();
}
