/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_YAMLTREE_H
#define FC_VARM_YAMLTREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * A YAML file as a tree, every node with its line.  Aliases are replaced by copies of what they
 * name, merge keys (<<) by what they bring.  Tags, keys that are not scalars and keys given twice
 * are refused.  A hostile file costs no more than these ceilings:
 */
#define YAML_MAX_BYTES ((size_t)1 << 20) /* of the file, and of the text in the tree */
#define YAML_MAX_NODES 20000             /* in all documents, after aliases are replaced */
#define YAML_MAX_DEPTH 32

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	int line;           /* from 1 */
	char *text;         /* YAML_TEXT: UTF-8 without NUL */
	bool plain;         /* YAML_TEXT: not in quotes, nor a block of text */
	struct yaml **item; /* YAML_LIST, YAML_MAP: [n] */
	struct yaml **key;  /* YAML_MAP: [n], each YAML_TEXT */
	size_t n, cap, cap_key;
};

struct yaml_file {
	struct yaml **doc; /* [n_doc] */
	size_t n_doc, cap;
};

/* name: for messages, "NAME:LINE: ...".  varm_yaml_release() is due also after a failure; f is
 * empty or {0} before. */
int varm_yaml_parse(
    struct yaml_file *f, const char *text, size_t n, const char *name, struct fc_err *e);
void varm_yaml_release(struct yaml_file *f);

const struct yaml *varm_yaml_get(const struct yaml *map, const char *key); /* or NULL */

/* What a scalar means.  false: it is something else. */
bool varm_yaml_is_null(const struct yaml *v);
bool varm_yaml_real(
    const struct yaml *v, double *out); /* finite; also from quoted text, and truths */
bool varm_yaml_int(const struct yaml *v, int *out);
bool varm_yaml_bool(const struct yaml *v, bool *out); /* true, yes, on, 1 and their opposites */

#endif
