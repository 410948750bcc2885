/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_WINDOWS_H
#define FC_INFER_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How a text of n tokens, longer than the context, is scored in pieces.  A window's tokens
 * [begin, end) are what the model reads; the tokens [first, last) are scored.
 */
struct window {
	size_t begin, end, first, last;
	bool bos; /* BOS stands in for its first token */
};
struct windows {
	struct window *v;
	size_t n, cap;
};

enum window_rule {
	/* lm-evaluation-harness: after the first window, every one scores the next `stride` tokens
	 * with the `most` tokens before the last of them; each token is scored once, and the last
	 * window has a full context too. */
	WINDOW_ROLLING,
	/* transformers' guide to perplexity: a window begins every `stride` tokens and scores what
	 * the one before did not reach; its first token cannot be scored. */
	WINDOW_STRIDED,
	/* llama.cpp's perplexity: pieces that do not overlap, each behind BOS, of which the second
	 * half is scored.  What is left at the end is not. */
	WINDOW_CHUNKS,
};
/* Appends the windows of at most `most` tokens; 0 < stride <= most. */
void infer_windows_add(
    struct windows *w, enum window_rule rule, size_t n, size_t most, size_t stride);
void infer_windows_add_whole(struct windows *w, size_t n); /* the text as one window */

#endif
