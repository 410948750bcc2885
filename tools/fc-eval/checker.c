/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/checker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-eval/child.h"

#define NUMBER_MAX 64 /* bytes of a line with a number, its end included */

/* What the program wrote. */
struct written {
	const char *name; /* the program's */
	struct fc_buf text;
	size_t n_most; /* bytes that the numbers may take */
};

static int take_text(void *ctx /* struct written */, const char *p, size_t n, struct fc_err *e)
{
	struct written *w = ctx;
	fc_buf_add(&w->text, p, n);
	return w->text.n <= w->n_most
	    ? 0
	    : fc_fail(e, "%s writes more than a number for each answer", w->name);
}

/* A number and nothing else. */
static bool read_number(const char *p, double *v)
{
	char *end;
	*v = strtod(p, &end);
	return end != p && isfinite(*v) && !end[strspn(end, " \t\r")];
}

static int read_numbers(struct eval_checker *k, const struct written *w, struct fc_err *e)
{
	size_t i = 0;
	const char *p = w->text.p ? w->text.p : "", *end = p + w->text.n;
	for (; p < end; i++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		const size_t len = stop ? (size_t)(stop - p) : (size_t)(end - p);
		char number[NUMBER_MAX];
		const size_t kept = len < NUMBER_MAX - 1 ? len : NUMBER_MAX - 1;
		memcpy(number, p, kept);
		number[kept] = 0;
		if (i == k->n)
			return fc_fail(
			    e, "%s writes more than %zu lines, one an answer", w->name, k->n);
		if (len > kept || strlen(number) != kept || !read_number(number, &k->number[i]))
			return fc_fail(e, "%s: line %zu, of the answer at %s: '%s' is no number",
			    w->name, i + 1, k->where[i], number);
		p += len + 1;
	}
	return i == k->n ? 0
			 : fc_fail(e, "%s writes %zu numbers for %zu answers", w->name, i, k->n);
}

void eval_checker_add(struct eval_checker *k, const struct fc_conversation *c, const char *where)
{
	fc_conversation_write(&k->lines, c);
	FC_GROW(k->where, k->cap_where, k->n + 1);
	k->where[k->n++] = where;
}

int eval_checker_run(
    struct eval_checker *k, const char *name, const char *command, struct fc_err *e)
{
	const char *const shell[] = {"sh", "-c", command, NULL};
	struct written w = {.name = name, .n_most = NUMBER_MAX * (k->n + 1)};
	if (k->n == 0)
		return 0;
	k->number = FC_ARRAY(double, k->n);
	/* A program that stops reading is found out by how many numbers it wrote. */
	int ret = eval_child_exchange(shell, name, &k->lines, take_text, &w, e);
	if (ret == 0)
		ret = read_numbers(k, &w, e);
	fc_buf_release(&w.text);
	return ret;
}

void eval_checker_release(struct eval_checker *k)
{
	fc_buf_release(&k->lines);
	free(k->where);
	free(k->number);
	*k = (struct eval_checker){0};
}
