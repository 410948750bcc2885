/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_PROMPT_H
#define FC_EVAL_PROMPT_H

#include "fc-eval/judge/bench.h"
#include "fc-eval/judge/verdict.h"

/* A judge's prompt, as FastChat's judge_prompts.jsonl has them. */
struct fc_prompt {
	const char *name; /* borrowed from o, like the rest */
	json_t *o;
	enum fc_verdict_kind kind; /* by "output_format" */
	struct fc_span system;     /* used as it is */
	struct fc_span pattern;    /* "prompt_template", filled in by fc_prompt_fill() */
};

struct fc_prompts {
	struct fc_prompt *v;
	size_t n, cap;
};
int fc_prompts_read(struct fc_prompts *p, const char *path, struct fc_err *e);
void fc_prompts_release(struct fc_prompts *p);
const struct fc_prompt *fc_prompts_find(const struct fc_prompts *p, const char *name);

/*
 * Replaces {name} by that field's value, {{ and }} by one brace, in one pass: what was put in is
 * not looked at again (Python's str.format without indices, conversions and formats, which are
 * errors).
 */
struct fc_field {
	const char *name;
	struct fc_span value;
};
int fc_prompt_fill(const struct fc_prompt *p, const struct fc_field *field, size_t n_field,
    struct fc_buf *out, struct fc_err *e);

#endif
