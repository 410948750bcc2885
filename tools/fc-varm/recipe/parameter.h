/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_PARAMETER_H
#define FC_VARM_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "fc-varm/recipe/yamltree.h"

/*
 * A parameter of merging is said once, as one of these beside the method that takes it
 * (method/method.h).  Its option, its key in recipes, its check, its column in a dry run, its line
 * in the card and its rows in --help and in the man pages all follow from that.  Parameters of one
 * name are one option, whatever they mean to the methods that take them.
 */
enum parameter_kind {
	PARAMETER_REAL,  /* double */
	PARAMETER_WHOLE, /* int */
	PARAMETER_TRUTH, /* bool */
	PARAMETER_WORD,  /* int, an index into words; one for all tensors */
};

enum parameter_scope {
	PARAMETER_SHARED,    /* the targets share it: kept in struct settings */
	PARAMETER_OF_TARGET, /* each has its own: kept in struct target_params */
};

/* Who must say it; where nobody needs to, `usual` counts. */
enum parameter_must { PARAMETER_OPTIONAL, PARAMETER_RECIPE_MUST, PARAMETER_MUST };

struct parameter {
	const char *name;     /* in recipes; the option has '-' in place of '_' */
	const char *mergekit; /* what mergekit's recipes call it, where that is another name */
	enum parameter_kind kind;
	enum parameter_scope scope;
	enum parameter_must must;
	size_t offset; /* where it is kept */
	double usual, min, max;
	const char *const *words; /* PARAMETER_WORD: ended by NULL */
	const char *arg;          /* the option's value in --help: "T" */
	const char *help;         /* names no method */
};

/* What is said of every parameter, in this order; fields that few have may follow: .must,
 * .mergekit, .words. */
#define VARM_PARAMETER(kind_, name_, kept_, usual_, min_, max_, arg_, help_, ...)                  \
	{                                                                                          \
		.kind = PARAMETER_##kind_, .name = name_, kept_, .usual = usual_, .min = min_,     \
		.max = max_, .arg = arg_, .help = help_, __VA_ARGS__                               \
	}

/* The name that recipes written here use: mergekit's where it has one. */
const char *varm_parameter_recipe_name(const struct parameter *p);
bool varm_parameter_is_called(const struct parameter *p, const char *name);

double varm_parameter_get(const struct parameter *p, const void *from);
void varm_parameter_put(const struct parameter *p, void *into, double x);

/* What a scalar of a recipe says; false: nothing of this kind. */
bool varm_parameter_read(const struct parameter *p, const struct yaml *scalar, double *x);
/* "a number", "matrix, module or layer": what varm_parameter_read() takes. */
void varm_parameter_expected(struct fc_buf *b, const struct parameter *p);
/* As a recipe has it: with as few digits as give the value back. */
void varm_parameter_write(struct fc_buf *b, const struct parameter *p, double x);
/* For people: six digits, yes and no. */
void varm_parameter_show(struct fc_buf *b, const struct parameter *p, double x);

#endif
