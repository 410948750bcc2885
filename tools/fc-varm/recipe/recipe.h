/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_RECIPE_H
#define FC_VARM_RECIPE_H

#include <stdint.h>

#include "fc-varm/recipe/yamltree.h"

/*
 * recipe/: a merge as its author wrote it. yamltree reads a file into a tree with lines, recipe
 * and recipe_tokens turn the tree into models, slices and tokens (recipe_model: its references;
 * recipe_parts: what all read with), setting answers what a parameter, as declared by a struct
 * parameter, is for one tensor, yamlwrite writes a tree back for the model card.
 */

/*
 * A merge recipe in mergekit's format, as written: nothing is opened, and parameters are not looked
 * into yet (setting.h).  What the format does not know is refused with its line.
 */
struct recipe_model {
	const char *text; /* the whole reference, where it is one text; or NULL */
	char *path;       /* without revision and adapter */
	char *revision;   /* of path, or NULL */
	char *lora;       /* an adapter to apply, or NULL */
	int line;
};

/* One model's layers in a slice. */
struct recipe_source {
	size_t model;
	int from, to;                  /* layers; to -1: all of them */
	const struct yaml *parameters; /* or NULL */
	int line;
};

/* Layers of the result, merged from as many layers of each source. */
struct recipe_slice {
	struct recipe_source *source; /* [n] */
	size_t n;
	const struct yaml *parameters; /* or NULL */
	int base;                      /* a model, or -1: the recipe's */
	int line;
};

enum recipe_vocabulary {
	VOCABULARY_KEPT, /* embeddings are merged row by row as they are */
	VOCABULARY_BASE,
	VOCABULARY_UNION,
	VOCABULARY_MODEL,
};

/* Where the embedding of a token comes from in models that lack it, or, forced, in all. */
struct recipe_token {
	const char *token;
	enum { TOKEN_SAME, TOKEN_OF_MODEL, TOKEN_ZERO } source;
	size_t model;
	const char *other; /* TOKEN_OF_MODEL: that model's token, or NULL and: */
	int id;
	bool force;
	int line;
};

struct recipe {
	const char *file; /* for messages; borrowed */
	/*
	 * What the command line asks for is a recipe too: said_by[line] is the option that a line
	 * stands for, or NULL.  Its base is the pivot, which also says the names and types of the
	 * result's tensors and, where the method has no base, nothing else; and each of its models
	 * is one of its own, even if two are the same.  A recipe of a file has said_by NULL.
	 */
	const char *const *said_by;
	const char *method; /* mergekit's name of it */
	const char *name;   /* what other documents call the result, or NULL */
	struct recipe_model *model;
	size_t n_model, cap_model;
	const struct yaml **reference; /* [n_reference] texts that name a model */
	size_t n_reference, cap_reference;
	int base;                   /* a model, or -1 */
	bool whole;                 /* `models`: one slice of all layers */
	struct recipe_slice *slice; /* [n_slice] */
	size_t n_slice;
	const struct yaml *module;                            /* parameters of `modules`, or NULL */
	const struct yaml *parameters;                        /* or NULL */
	const struct yaml *dtype, *out_dtype, *chat_template; /* or NULL */
	enum recipe_vocabulary vocabulary;
	size_t vocabulary_model; /* VOCABULARY_MODEL */
	struct recipe_token *token;
	size_t n_token;
	int pad_to_multiple_of;       /* 0: no padding */
	const struct yaml *tokenizer; /* the node that asks for it, or NULL */
	uint64_t seed;
	int line, method_line, base_line;
};

/* doc, file and said_by must outlive the recipe; one of the last two is NULL.
 * varm_recipe_release() is due also after a failure. */
int varm_recipe_read(struct recipe *r, const struct yaml *doc, const char *file,
    const char *const *said_by, struct fc_err *e);
void varm_recipe_release(struct recipe *r);

/* fc_fail() and fc_warn() with the place in front: "FILE:LINE: ", or "--OPTION: ". */
int varm_recipe_fail(const struct recipe *r, int line, struct fc_err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void varm_recipe_warn(const struct recipe *r, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
