/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_ADDED_H
#define FC_TOKEN_ADDED_H

#include <stdbool.h>

#include "token/aligned.h"
#include "token/pieces.h"

/*
 * Tokens that are cut out of the text before anything else looks at it.  Those with normalized
 * set match, in their own normalized form, in normalized text; the others match in the text as it
 * was given, and go first.
 */
struct fc_added_token {
	uint32_t id;
	char *content, *form; /* form: what matches; NUL-terminated, never empty */
	bool single_word;     /* no match next to a word character */
	bool lstrip, rstrip;  /* takes the white space on that side with it */
	bool normalized;
	bool special; /* control token: never in guarded text, left out of decoded text */
};

/* The tokens of one kind as a tree of bytes. */
struct fc_added_tree {
	struct fc_added_node {
		uint32_t child, sibling; /* node or 0 */
		uint32_t token_1;        /* index + 1; 0: none ends here */
		unsigned char byte;
	} * node; /* [n]; node[0] is the root */
	size_t n, cap;
	uint32_t first[256]; /* children of the root */
};

struct fc_added { /* {0} is empty */
	struct fc_added_token *v;
	size_t n, cap;
	struct fc_pieces index; /* content to place in v */
	uint32_t *place_1;      /* [n_id] id to place in v + 1 */
	size_t n_id;
	struct fc_added_tree raw, normalized;
};

void fc_added_release(struct fc_added *a);
/* The token with this content or id, or NULL. */
struct fc_added_token *fc_added_by_content(const struct fc_added *a, const char *content);
struct fc_added_token *fc_added_by_id(const struct fc_added *a, uint32_t id);
/* A new token of new content and id (below FC_ID_CEILING), its flags zero.  Borrowed until the next
 * one is added. */
struct fc_added_token *fc_added_new(struct fc_added *a, const char *content, size_t n, uint32_t id);
/* Builds the trees, once all tokens and their forms are there. */
int fc_added_index(struct fc_added *a, const char *where, struct fc_err *e);

struct fc_guard {
	const struct fc_span *v; /* [n], ascending, of the original text */
	size_t n;
};

struct fc_added_match {
	uint32_t start, end; /* with the white space it takes */
	const struct fc_added_token *token;
};
/*
 * The next match in text at or after from, the end of the last match (0 at first): leftmost, then
 * longest.  A match that its word borders forbid is passed over whole; one that a guard forbids
 * hides nothing.
 */
bool fc_added_next(const struct fc_added *a, bool normalized, const struct fc_aligned *text,
    size_t from, const struct fc_guard *guard, struct fc_added_match *m);

#endif
