/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_PRETOK_H
#define FC_TOKEN_PRETOK_H

#include "text/json.h"
#include "token/aligned.h"
#include "token/pattern.h"

/* The chain of splits that tokenizer.json calls pre_tokenizer: no token crosses one. */
struct fc_pretok;
int fc_pretok_json(struct fc_pretok **p, const json_t *o, const char *where, struct fc_err *e);
void fc_pretok_free(struct fc_pretok *p);
/* Does it write bytes as the byte-level alphabet?  At its end, so that run() may leave that out? */
bool fc_pretok_is_byte_level(const struct fc_pretok *p);
bool fc_pretok_ends_in_bytes(const struct fc_pretok *p);

/* Scratch of a run; pieces is its result.  {0} is empty. */
struct fc_pretok_work {
	struct fc_spans {
		struct fc_span *v;
		size_t n, cap;
	} pieces, before;
	struct fc_matches matches;
	struct fc_alignpair pair;
};
void fc_pretok_work_release(struct fc_pretok_work *w);

/* Splits *text (within the room of w->pair), which may be rewritten on the way (into w->pair), into
 * w->pieces.  raw_bytes: leave out a byte-level alphabet at the end.  goes_on: the text is not the
 * beginning of one, so nothing is put before it. */
int fc_pretok_run(const struct fc_pretok *p, bool raw_bytes, bool goes_on, struct fc_aligned *text,
    struct fc_pretok_work *w, struct fc_matcher *m, struct fc_err *e);

#endif
