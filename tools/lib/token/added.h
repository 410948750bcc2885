/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_ADDED_H
#define FC_TOKEN_ADDED_H

#include <stdbool.h>

#include "token/aligned.h"
#include "token/automaton.h"
#include "token/pieces.h"

/*
 * Tokens that are cut out of the text before anything else looks at it.  Those with normalized
 * set match, in their own normalized form, in normalized text; the others match in the text as it
 * was given, and go first.
 */
struct fc_added_token {
	uint32_t id;
	char *content, *form; /* form: what matches; NUL-terminated */
	size_t n_form;        /* filled in by fc_added_index(); 0: matches nothing */
	bool single_word;     /* no match next to a word character */
	bool lstrip, rstrip;  /* takes the white space on that side with it */
	bool normalized;
	bool special; /* control token: never in guarded text, left out of decoded text */
};

/* The tokens that match in one form of the text, spelled backwards: read from the end of a text,
 * an automaton knows the longest token that begins at each place. */
struct fc_added_set {
	struct fc_automaton special, other;
	bool ends[256]; /* bytes that any of them ends in */
	bool any;
};

struct fc_added { /* {0} is empty */
	struct fc_added_token *v;
	size_t n, cap;
	struct fc_pieces index; /* content to place in v */
	uint32_t *place_1;      /* [n_id] id to place in v + 1 */
	size_t n_id;
	uint32_t max_id_1; /* highest id + 1; 0: there are none */
	struct fc_added_set raw, normalized;
};

void fc_added_release(struct fc_added *a);
/* The token with this content or id, or NULL. */
struct fc_added_token *fc_added_by_content(const struct fc_added *a, const char *content);
struct fc_added_token *fc_added_by_id(const struct fc_added *a, uint32_t id);
/* A new token of new content, 1 to FC_PIECE_MAX bytes, and id (below FC_ID_CEILING), its flags
 * zero.  Borrowed until the next one is added. */
struct fc_added_token *fc_added_new(struct fc_added *a, const char *content, size_t n, uint32_t id);
/* Builds the automata, once all tokens and their forms are there. */
int fc_added_index(struct fc_added *a, const char *where, struct fc_err *e);

struct fc_guard {
	const struct fc_span *v; /* [n], ascending, of the original text */
	size_t n;
};

struct fc_added_match {
	uint32_t start, end; /* with the white space it takes */
	const struct fc_added_token *token;
};
struct fc_added_found {           /* {0} is empty */
	struct fc_added_match *v; /* [n], ascending, none overlap */
	size_t n, cap;
};
void fc_added_found_release(struct fc_added_found *f);
/*
 * All matches in text: leftmost, then longest, as by `tokenizers`.  A match that its word borders
 * forbid hides the shorter ones and those inside; one that a guard forbids hides nothing.  White
 * space that a token took behind it is taken back where another match begins in it.  Of tokens with
 * one normalized form (there a matter of chance) a special one counts, else the first in the file.
 */
void fc_added_find(const struct fc_added *a, bool normalized, const struct fc_aligned *text,
    const struct fc_guard *guard, struct fc_added_found *found);

#endif
