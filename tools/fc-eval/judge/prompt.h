/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_PROMPT_H
#define FC_EVAL_PROMPT_H

#include "fc-eval/judge/bench.h"
#include "fc-eval/judge/verdict.h"

/* A judge's prompt, as FastChat's judge_prompts.jsonl has them. */
struct eval_prompt {
	const char *name; /* borrowed from o, as all texts here are */
	json_t *o;
	enum eval_verdict_kind kind; /* by "output_format" */
	struct eval_span system;     /* used as it is */
	struct eval_span pattern;    /* "prompt_template", filled in by eval_prompt_fill() */
};

struct eval_prompts {
	struct eval_prompt *v;
	size_t n, cap;
};
int eval_prompts_read(struct eval_prompts *p, const char *path, struct fc_err *e);
void eval_prompts_release(struct eval_prompts *p);
const struct eval_prompt *eval_prompts_find(const struct eval_prompts *p, const char *name);

/*
 * Replaces {name} by that field's value, {{ and }} by one brace, in one pass: what was put in is
 * not looked at again (Python's str.format without indices, conversions and formats, which are
 * errors).
 */
struct eval_field {
	const char *name;
	struct eval_span value;
};
int eval_prompt_fill(const struct eval_prompt *p, const struct eval_field *field, size_t n_field,
    struct fc_buf *out, struct fc_err *e);

#endif
