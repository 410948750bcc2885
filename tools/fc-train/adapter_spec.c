/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fc-train/adapter_folder.h"

#define ALL_LINEAR "all-linear"
enum { RANK_MOST = 65536 };

static int read_number(
    const char *key, const char *text, double least, double most, double *out, struct fc_err *e)
{
	char *end;
	errno = 0;
	*out = strtod(text, &end);
	if (errno || end == text || *end || !(*out >= least && *out <= most))
		return fc_fail(
		    e, "%s=%.64s: expected a number from %g to %g", key, text, least, most);
	return 0;
}

static int read_rank(struct fc_lora_spec *s, const char *text, struct fc_err *e)
{
	double r;
	if (read_number("r", text, 1, RANK_MOST, &r, e) < 0)
		return -1;
	if (r != floor(r))
		return fc_fail(e, "r=%.64s: a rank is a whole number", text);
	s->r = (size_t)r;
	return 0;
}

static int read_dropout(const char *text, struct fc_err *e)
{
	double x;
	if (read_number("dropout", text, 0, 1, &x, e) < 0)
		return -1;
	return x > 0 ? fc_fail(e, "dropout=%.64s: adapters are trained without dropout here", text)
		     : 0;
}

static int read_flag(bool *flag, const char *word, struct fc_err *e)
{
	if (*flag)
		return fc_fail(e, "%s is there twice", word);
	*flag = true;
	return 0;
}

static int add_target(struct train_adapter *a, const char *name, size_t *cap, struct fc_err *e)
{
	if (!*name)
		return fc_fail(e, "a module without a name among the targets");
	FC_GROW(a->target, *cap, a->spec.n_target + 1);
	a->target[a->spec.n_target++] = name;
	return 0;
}

/* One member; *targets: whether a bare word is a module. */
static int read_member(
    struct train_adapter *a, char *member, bool *targets, size_t *cap, struct fc_err *e)
{
	char *value = strchr(member, '=');
	if (!value) {
		if (!strcmp(member, "dora"))
			return read_flag(&a->spec.dora, member, e);
		if (!strcmp(member, "rslora"))
			return read_flag(&a->spec.rslora, member, e);
		if (*targets)
			return add_target(a, member, cap, e);
		return fc_fail(e,
		    "'%.64s' is neither r=, alpha=, targets=, dropout=, dora nor rslora", member);
	}
	*value++ = 0;
	*targets = !strcmp(member, "targets");
	if (*targets)
		return add_target(a, value, cap, e);
	if (!strcmp(member, "r"))
		return read_rank(&a->spec, value, e);
	if (!strcmp(member, "alpha"))
		return read_number("alpha", value, 1e-6, 1e6, &a->spec.alpha, e);
	if (!strcmp(member, "dropout"))
		return read_dropout(value, e);
	return fc_fail(e, "'%.64s=' is neither r=, alpha=, targets= nor dropout=", member);
}

/* All linears are no list of them. */
static int settle_targets(struct train_adapter *a, struct fc_err *e)
{
	for (size_t i = 0; i < a->spec.n_target; i++) {
		if (strcmp(a->target[i], ALL_LINEAR) != 0)
			continue;
		if (a->spec.n_target > 1)
			return fc_fail(e, "targets: " ALL_LINEAR " stands alone");
		a->spec.n_target = 0;
	}
	a->spec.target = a->target;
	return 0;
}

int train_adapter_parse(struct train_adapter *a, const char *text, struct fc_err *e)
{
	size_t cap = 0;
	bool targets = false;
	*a = (struct train_adapter){.spec = {.r = 16, .alpha = 32}, .text = fc_strdup(text)};
	for (char *p = a->text, *next; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		if (read_member(a, p, &targets, &cap, e) < 0)
			return -1;
	}
	return settle_targets(a, e);
}
