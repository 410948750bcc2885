/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fc-eval/judge/child.h"
#include "fc-eval/select/reward.h"

#define NAME "the reward's program"
#define NUMBER_MAX 64 /* bytes of a line with a number, its end included */

/* What the program wrote. */
struct written {
	struct fc_buf text;
	size_t n_most; /* bytes that the numbers may take */
};

static int take_text(void *ctx /* struct written */, const char *p, size_t n, struct fc_err *e)
{
	struct written *w = ctx;
	fc_buf_add(&w->text, p, n);
	return w->text.n <= w->n_most
	    ? 0
	    : fc_fail(e, NAME " writes more than a number for each answer");
}

/* A number and nothing else. */
static bool read_number(const char *p, double *v)
{
	char *end;
	*v = strtod(p, &end);
	return end != p && isfinite(*v) && !end[strspn(end, " \t\r")];
}

static int read_rewards(struct eval_candidates *s, const char *text, size_t n, struct fc_err *e)
{
	size_t i = 0;
	for (const char *p = text, *end = text + n; p < end; i++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		const size_t len = stop ? (size_t)(stop - p) : (size_t)(end - p);
		char number[NUMBER_MAX];
		const size_t kept = len < NUMBER_MAX - 1 ? len : NUMBER_MAX - 1;
		memcpy(number, p, kept);
		number[kept] = 0;
		if (i == s->n)
			return fc_fail(e, NAME " writes more than %zu lines, one an answer", s->n);
		if (len > kept || strlen(number) != kept || !read_number(number, &s->v[i].reward))
			return fc_fail(e, NAME ": line %zu, of the answer at %s: '%s' is no number",
			    i + 1, s->v[i].where, number);
		p += len + 1;
	}
	return i == s->n ? 0 : fc_fail(e, NAME " writes %zu numbers for %zu answers", i, s->n);
}

int eval_checker_run(struct eval_candidates *s, const char *command, struct fc_err *e)
{
	const char *const shell[] = {"sh", "-c", command, NULL};
	struct written w = {.n_most = NUMBER_MAX * (s->n + 1)};
	struct fc_buf lines = FC_BUF_INIT;
	for (size_t i = 0; i < s->n; i++)
		fc_conversation_write(&lines, &s->v[i].c);
	/* A program that stops reading is found out by how many numbers it wrote. */
	int ret = s->n ? eval_child_exchange(shell, NAME, &lines, take_text, &w, e) : 0;
	if (ret == 0)
		ret = read_rewards(s, w.text.p ? w.text.p : "", w.text.n, e);
	fc_buf_release(&lines);
	fc_buf_release(&w.text);
	return ret;
}
