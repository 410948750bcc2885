/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_SIDEFILES_H
#define FC_TOKEN_SIDEFILES_H

#include "base/err.h"
#include "text/json.h"

/*
 * What lies beside a vocabulary and says which tokens were added and what they are for, read as
 * Transformers 5.24 does.  Where tokenizer_config.json has no added_tokens_decoder (before autumn
 * 2023, and again since version 5) special_tokens_map.json overrides its members, and
 * added_tokens.json, {TOKEN: ID}, counts; else neither is opened.  Transformers 4.57 differs in
 * three things: it joins the lists additional_special_tokens of both files, where 5.24 takes the
 * first file's unless that is empty; it knows extra_special_tokens only as an object; and members
 * that end in "_token" but are none of the seven it knows are no tokens.
 */
struct fc_sidefiles {
	json_t *config; /* the members of the first two files; an empty object if there is none */
	json_t *added;  /* of added_tokens.json, or NULL */
	json_t *overridden; /* roles of tokenizer_config.json that the second file changed */
	char *config_path, *map_path, *added_path;
};

/* stem: what comes before the files' names, "DIR/" or "DIR/NAME". */
int fc_sidefiles_read(struct fc_sidefiles *s, const char *stem, struct fc_err *e);
void fc_sidefiles_release(struct fc_sidefiles *s);
/* A warning for every role that the first two files give to different tokens. */
void fc_sidefiles_warn(const struct fc_sidefiles *s);

/* "<s>" or {"content": "<s>", ...}; NULL for anything else.  Borrowed. */
const char *fc_sidefiles_content(const json_t *v);
/* Calls fn for every token that has a role or is special for another reason: the seven known roles
 * in Transformers' order, then others by their names, then those without one (key NULL). */
int fc_sidefiles_each(const struct fc_sidefiles *s,
    int (*fn)(void *to /* the caller's */, const char *key, const json_t *token, struct fc_err *e),
    void *to, struct fc_err *e);

#endif
