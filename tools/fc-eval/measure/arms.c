/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/measure/arms.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/door.h"
#include "base/mem.h"

/* Where the "=" behind an arm's name is, or NULL. */
static const char *name_end(const char *operand)
{
	const char *equals = strchr(operand, '='), *slash = strchr(operand, '/');
	return equals && (!slash || equals < slash) ? equals : NULL;
}

static size_t arm_of(struct eval_arms *a, const char *name)
{
	for (size_t i = 0; i < a->n_arm; i++)
		if (!strcmp(a->name[i], name))
			return i;
	FC_GROW(a->name, a->cap_name, a->n_arm + 1);
	a->name[a->n_arm] = fc_strdup(name);
	return a->n_arm++;
}

/* Takes the path. */
static void add_stream(struct eval_arms *a, const char *name, char *path)
{
	FC_GROW(a->path, a->cap_path, a->n_stream + 1);
	FC_GROW(a->arm, a->cap_stream, a->n_stream + 1);
	a->path[a->n_stream] = path;
	a->arm[a->n_stream++] = arm_of(a, name);
}

static void add_named(struct eval_arms *a, const char *operand, const char *equals)
{
	char *name = fc_memdup0(operand, (size_t)(equals - operand));
	if (!*name)
		fc_die_usage("'%s' has no name before its \"=\"; a file of that name is ./%s",
		    operand, operand);
	for (const char *p = equals; *p; p += 1 + strcspn(p + 1, ",")) {
		char *path = fc_memdup0(p + 1, strcspn(p + 1, ","));
		if (!*path)
			fc_die_usage("'%s' has an empty name of a file", operand);
		fc_door_input(path, NULL);
		add_stream(a, name, path);
	}
	free(name);
}

static void refuse_twice(const struct eval_arms *a, bool each)
{
	for (size_t i = 0; i < a->n_stream; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(a->path[i], a->path[k]) != 0)
				continue;
			if (!strcmp(a->path[i], "-"))
				fc_die_usage("standard input (-) can be read only once");
			if (!each)
				fc_die_usage("%s is given twice", a->path[i]);
		}
}

void eval_arms_parse(
    struct eval_arms *a, char *const *operands, size_t n, const char *baseline, bool each)
{
	*a = (struct eval_arms){0};
	if (n == 0)
		add_stream(a, "-", fc_strdup("-"));
	for (size_t i = 0; i < n; i++) {
		const char *equals = name_end(operands[i]);
		if (equals)
			add_named(a, operands[i], equals);
		else
			add_stream(a, operands[i], fc_strdup(operands[i]));
	}
	refuse_twice(a, each);
	while (baseline && a->baseline < a->n_arm && strcmp(a->name[a->baseline], baseline) != 0)
		a->baseline++;
	if (a->baseline == a->n_arm)
		fc_die_usage("--baseline %s: none of what is compared has that name", baseline);
}

void eval_arms_release(struct eval_arms *a)
{
	for (size_t i = 0; i < a->n_stream; i++)
		free(a->path[i]);
	for (size_t i = 0; i < a->n_arm; i++)
		free(a->name[i]);
	free(a->path);
	free(a->arm);
	free(a->name);
	*a = (struct eval_arms){0};
}

bool eval_arms_several(const struct eval_arms *a)
{
	return a->n_stream > 1;
}
