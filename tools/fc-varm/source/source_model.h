/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_SOURCE_MODEL_H
#define FC_VARM_SOURCE_MODEL_H

#include "fc-varm/recipe/recipe.h"
#include "fc-varm/source/adapter.h"
#include "fc-varm/source/changes.h"
#include "store/store.h"

/*
 * source/: where values come from. source_model opens a model of a merge, by its path or out of a
 * stream; values reads one tensor of it as numbers, changes adds several together on the way,
 * adapter applies a LoRA (store/adapter_config reads its settings, adapter_start makes an OLoRA's
 * start). layername and layer know tensors' names. tokens compares tokenizers; vocabulary (with
 * _map, _rows, _complete and _write) makes one of several models'.
 */

/* Where the models of a recipe are. */
struct models {
	const char *dir; /* for names that are no paths (--models), or NULL */
	/* Results of earlier documents, by the names the documents gave them. */
	struct models_result {
		char *name, *path;
	} * result;
	size_t n_result, cap;
};
void varm_models_add(struct models *p, const char *name, const char *path);
void varm_models_release(struct models *p);

/* A model, opened. */
struct source_model {
	char *path; /* of the folder or file found */
	char *name; /* for tables: as the recipe has it, without the path */
	struct fc_store *store;
	struct adapter *adapter;       /* or NULL */
	uint64_t pivot;                /* above 0: the store holds changes of the model of this
					* fingerprint, */
	const struct source_model *of; /* which is this one; what is not in the store is as there */
	struct changed *changed; /* [one for each tensor in the store, and the head], or NULL */
	uint64_t fingerprint;
	int n_layer; /* layers that its tensors' names speak of */
	int line;    /* of the recipe, for messages; 0: there is none */
};

/* Tells base/door.h what a model's reference reads; a name that is found nowhere is passed over. */
void varm_source_model_tell(const struct recipe_model *m, const struct models *where);

/* varm_source_model_close() is due also after a failure. */
int varm_source_model_open(struct source_model *g, const struct recipe *r,
    const struct recipe_model *m, const struct models *where, struct fc_err *e);
/* An update of a model needs the model, its pivot, before it can be used; NULL: there is none.
 * Others are left as they are. */
int varm_source_model_attach(
    struct source_model *g, const struct source_model *pivot, struct fc_err *e);
void varm_source_model_close(struct source_model *g);

/* The tensors that the model has, by their names. */
const struct fc_store *varm_source_model_store(const struct source_model *g);

/* A name for a model that tells nothing of the machine: "org/name" as it is, a path's last part.
 * The caller's to free(). */
char *varm_source_model_name(const char *reference);

/* What the model computes with under this name: a head that is not stored is the embedding.  NULL:
 * the model has no such tensor. */
const struct fc_tensor *varm_source_model_find(const struct source_model *g, const char *name);
/* Its values, for a name that varm_source_model_find() finds. */
struct values varm_source_model_values(const struct source_model *g, const char *name, int model);
/* Whether the model's head is one of its own, other than its embedding. */
bool varm_source_model_has_head(const struct source_model *g);

bool varm_source_model_same_bytes(const struct fc_tensor *a, const struct fc_tensor *b);
/* Whether the model's head is its embedding, by its tensors or its configuration. */
int varm_source_model_is_tied(const struct source_model *g, bool *tied, struct fc_err *e);

/* Whether a tensor is left out of merges: what programs compute for themselves. */
bool varm_source_model_is_derived(const char *name);

#define HEAD "lm_head.weight"
#define EMBEDDING "model.embed_tokens.weight"

#endif
