/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_METHOD_H
#define FC_VARM_METHOD_H

#include "sweep.h"

/* Which tensors share a target's weight in VaRM. */
enum granularity { BY_MATRIX, BY_MODULE, BY_LAYER, BY_MODEL, BY_PARAMETER };

/* Parameters of a tensor; names and meanings are those of merge recipes where they have one.
 * method_settings() gives a method's defaults. */
struct settings {
	bool normalize;     /* divide by the sum of the weights that count */
	bool rescale;       /* what a sparsifier keeps is scaled to the sum of magnitudes before */
	double lambda;      /* factor of the merged change */
	double t;           /* slerp: from the base (0) to the target (1); nearswap: the distance */
	double select_topk; /* sce: part of the entries that decide the weights */
	uint64_t seed;      /* dare, della */
	enum granularity by; /* varm */
	bool absolute;       /* varm: mean |d| instead of mean d^2 */
	double temperature;  /* varm: softmax of the importances over it; 0: their ratio */
	bool filter_wise;    /* model_stock: a weight for each row */
	bool row_wise;       /* nuslerp with flatten off: columns, else rows, are the vectors */
	bool flatten;        /* nuslerp: the tensor is one vector */
	double tol;          /* karcher */
	int max_iter;        /* karcher */
	double eps;          /* multislerp */
};

/* Parameters of a target in a tensor. */
struct term {
	double weight;  /* linear, task arithmetic and what builds on it, nuslerp, multislerp */
	double density; /* part of the entries that a sparsifier keeps */
	double gamma;   /* breadcrumbs: part of the entries, the largest, that is dropped */
	double
	    epsilon; /* della: how far the probability of keeping an entry varies with its rank */
};

/* What a method found out about a tensor before it merges it. */
struct verdict {
	double
	    *weight; /* [n_target], for apply() and the report; NaN: carried, or entry by entry */
	bool moved;  /* some importance was above 0 */
};

/* A way to merge: what each target counts in a tensor, and the merged values, given that. */
struct method {
	const char *name;
	/* Fills r->weight and what else apply() needs from v->set and v->term, after as many passes
	 * over the tensor as it takes. */
	int (*measure)(const struct views *v, struct verdict *r, struct fc_err *e);
	/* out[u->n] for the block in hand */
	void (*apply)(const struct unit *u, const struct verdict *r, double *out);
	/* measure() gives importances, each at least 0: the engine adds up those of the items that
	 * share a group and makes weights of them, equal ones where all are 0. */
	bool importance;
	/* A weight of 1 beside zeros means that target's values, bit for bit. */
	bool convex;
	bool uses_base; /* the item must have a base, and apply() reads u->base */
};

extern const struct method method_varm, method_linear, method_sce;

const struct method *method_find(const char *name); /* NULL: no such method */
struct settings method_settings(const struct method *m);
struct term method_term(const struct method *m);

#endif
