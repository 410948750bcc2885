/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_EVAL_JUDGMENT_WRITE_H
#define FC_EVAL_JUDGMENT_WRITE_H

#include "fc-eval/judge/judge_plan.h"

/* Appends the judgment file's line, with its newline, of an item whose games
 * all have a reply. */
void eval_judgment_write(struct fc_buf *b, const struct eval_plan_item *item, const char *judge,
    enum eval_verdict_rule rule, double seconds_since_epoch);

/* Does the judge's reply to game g hold a verdict? */
bool eval_judgment_has_verdict(
    const struct eval_plan_item *item, int g, enum eval_verdict_rule rule);

#endif
