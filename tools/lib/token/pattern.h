/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_PATTERN_H
#define FC_TOKEN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/json.h"

/* What tokenizer.json calls a pattern: {"String": literal} or {"Regex": Oniguruma syntax}.
 * Immutable; shared by threads, each with its own matcher.  General categories are those of Unicode
 * 16 or of the PCRE2 at hand, if that is younger; other properties those of PCRE2 (Debian 12:
 * Unicode 14). */
struct fc_pattern;
int fc_pattern_json(
    struct fc_pattern **p, const json_t *pattern, const char *where, struct fc_err *e);
int fc_pattern_regex(
    struct fc_pattern **p, const char *source, size_t n, const char *where, struct fc_err *e);
void fc_pattern_free(struct fc_pattern *p);

struct fc_matcher;
struct fc_matcher *fc_matcher_new(void);
void fc_matcher_free(struct fc_matcher *m);

/* A part of a text: a match, or what lies between two. */
struct fc_part_match {
	uint32_t start, end;
	bool is_match;
};
struct fc_matches { /* {0} is empty */
	struct fc_part_match *v;
	size_t n, cap;
};
void fc_matches_add(struct fc_matches *m, size_t start, size_t end, bool is_match);
/*
 * Splits text (n bytes of valid UTF-8) into matches, which may be empty, and gaps, without holes,
 * from left to right; replaces what out held.  Reaching PCRE2's match limit is an error, never "no
 * match".
 */
int fc_pattern_split(const struct fc_pattern *p, struct fc_matcher *m, const char *text, size_t n,
    struct fc_matches *out, struct fc_err *e);

#endif
