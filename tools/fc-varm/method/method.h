/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_METHOD_H
#define FC_VARM_METHOD_H

#include "fc-varm/method/pass.h"
#include "fc-varm/recipe/parameter.h"

/*
 * method/: what is computed. A method is said once, in its own file, as a struct method: its name,
 * the parameters it takes (recipe/parameter.h), what the engine must give it, its functions and a
 * line of help. VARM_METHOD() makes it known to everything else, so a new file here is all that a
 * new method needs. The files: varm, sce, linear_merge, task_arithmetic (with sparse, sparse_rank:
 * TIES, DARE, DELLA, breadcrumbs), spheric (SLERP, karcher, multislerp), nuslerp, nearswap, arcee,
 * stock, ram. They work on blocks: pass goes over a tensor of all models, stream_in reads and
 * uses a block in one go, stream_kept one of which some stays, sums and inner_products add up,
 * elected lets targets elect signs, quad computes with four entries at once, eight with eight,
 * marked lists entries by their marks, rows cuts by rows, random_by_index draws, drawn holds what
 * was drawn, rank_draw decides by an entry's rank in its row (rank_bins counts magnitudes,
 * rank_sure says what a bin decides, rank_seek and rank_list what it leaves open, all in one
 * rank_room, rank_sort sorts), threshold (threshold_search, threshold_visit, threshold_keys,
 * threshold_sample, threshold_select) finds the k-th largest.
 */

/* Which tensors share a target's weight; words of the parameter granularity. */
enum granularity { BY_MATRIX, BY_MODULE, BY_LAYER, BY_MODEL, BY_PARAMETER };

/* Parameters of a tensor; varm_method_settings() gives a method's defaults. */
struct settings {
	bool normalize;     /* divide by the sum of the weights that count */
	bool rescale;       /* make up for what a sparsifier drops */
	double lambda;      /* task arithmetic and what builds on it: factor of the change */
	double t;           /* slerp: from the base (0) to the target (1); nearswap: a distance */
	double select_topk; /* SCE: part of the entries that decide the weights */
	uint64_t seed;      /* of methods that draw */
	int granularity;    /* enum granularity; methods with importances */
	bool absolute;      /* VaRM: mean |d| instead of mean d^2 */
	double temperature; /* softmax of the importances over it; 0: their ratio */
	bool filter_wise;   /* model stock: a weight for each row */
	bool row_wise;      /* nuslerp without flatten: columns, else rows, are the vectors */
	bool flatten;       /* nuslerp: the tensor is one vector */
	double tol;         /* karcher: angles and norms below it are 0 */
	int max_iter;       /* karcher */
	double eps;         /* multislerp: norms, RAM: changes up to it are 0 */
	double reward;      /* RAM+: what a target's own changes gain by each part shared */
	double most_shared; /* RAM+: that part counts up to this */
	double own[4];      /* of a method whose parameters are none of these */
};

/* Parameters of a target in a tensor. */
struct target_params {
	double weight;  /* factor of the target's values, or of its change */
	double density; /* part of the entries that a sparsifier keeps */
	double gamma;   /* breadcrumbs: part of the entries, the largest, that is dropped */
	double epsilon; /* DELLA: how far the probability of keeping varies with the rank */
	double own[2];  /* of a method whose parameters are none of these */
};

struct threshold;
struct sparsifier;

/* Which entries a sparsifier kept in the pass that measured, for the one that merges. */
struct drawn {
	uint8_t *bits; /* [n_unit], of each unit as the sparsifier lays them */
	size_t n_unit; /* the first units; others are drawn again */
	bool known;    /* the pass that measures is over */
};

/* What a method found out about a tensor before it merges it. */
struct measured {
	double *weight; /* [n_target], for apply() and the report; NaN: there is no such number */
	bool moved;     /* some importance was above 0 */
	double base_weight;          /* methods that blend: what the base's values count */
	double *number;              /* the method's own; owned */
	struct threshold *threshold; /* the method's own; owned */
	struct drawn drawn;          /* bits are owned */
	bool finite;                 /* all values of the targets are, as far as is known */
	double *products; /* for measure() alone: [n_product][n_product] (struct method) */
	int n_product;
};

/* What the base is to a method, and so whether apply() finds it in u->base. */
enum base_use {
	BASE_NONE,   /* nothing: the result is made of the targets alone */
	BASE_TAKEN,  /* changes are measured against it where there is one */
	BASE_NEEDED, /* changes are measured against it */
};

/* Inner products of all pairs of a tensor's models, as vectors, that measure() gets. */
enum products {
	PRODUCTS_NONE,
	PRODUCTS_OF_VALUES,  /* of the targets' values, and the base's as the last */
	PRODUCTS_OF_CHANGES, /* of the targets' changes; without a base, of their values */
};

/* Which target's stored bytes are the result where the result is one target. */
enum copies {
	COPIES_NONE,
	COPIES_ONE_TARGET,  /* there is one target, of weight 1 */
	COPIES_SOLE_WEIGHT, /* its weight is 1, all others are 0 */
};

/* Where a VARM_PARAMETER() is kept. */
#define VARM_SHARED(member) .scope = PARAMETER_SHARED, .offset = offsetof(struct settings, member)
#define VARM_OF_TARGET(member)                                                                     \
	.scope = PARAMETER_OF_TARGET, .offset = offsetof(struct target_params, member)

/* A parameter that a method takes. */
struct take {
	const struct parameter *parameter;
	bool has_usual; /* the method's default is another than the parameter's */
	double usual;
	bool idle; /* recipes for mergekit may give it; it changes nothing */
};

/*
 * A way to merge: what each target counts in a tensor, and the merged values, given that.
 * Every function may be called from several threads at once.
 */
struct method {
	const char *name;
	const char *mergekit;     /* what mergekit's recipes call it, where that is another name */
	const char *help;         /* one line */
	const struct take *takes; /* ended by one without parameter */

	/* What the engine must give it. */
	int least, most; /* targets; most 0: any number */
	enum base_use base;
	enum products products; /* to measure() */
	bool streams;           /* apply() reads the targets itself, once */
	bool streams_base;      /* the base too, where it wants its values */
	bool whole_rows;        /* a unit is whole rows (the last dimension) */
	bool draws;             /* random numbers: settings.seed counts */

	/* What the engine may rely on. */
	/* measure() gives importances, each at least 0: the engine adds up those of the tensors
	 * that share a weight and makes weights of them, equal ones where all are 0. */
	bool importance;
	bool divides; /* by the sum of the weights, when settings.normalize: it must not be 0 */
	/* apply() may leave a value out, also one that is NaN; one that streams too counts in
	 * u->n_bad the values that are not finite, of what it reads itself. */
	bool drops;
	enum copies copies;

	/* NULL, or whether what a target's parameters say together can be done. */
	int (*check)(const struct target_params *t, struct fc_err *e);
	/* Fills r->weight and what else apply() needs from v->set and v->target_params, after as
	 * many passes over the tensor as it takes. */
	int (*measure)(const struct views *v, struct measured *r, struct fc_err *e);
	/* NULL, or what a unit needs before its first block: u->own, which the caller frees */
	int (*prepare)(struct unit *u, const struct measured *r, struct fc_err *e);
	/* out[u->n] for the block in hand, whose values it may overwrite */
	void (*apply)(struct unit *u, const struct measured *r, double *out);
	const struct sparsifier *sparse; /* task arithmetic: what thins out the changes, or NULL */
	bool elect; /* task arithmetic: only changes with the sign of their sum count */
};

/* Defines a method of this file.  gcc and clang let a file announce it before main(), so that no
 * list of methods has to be kept elsewhere. */
#define VARM_METHOD(id)                                                                            \
	static const struct method id;                                                             \
	__attribute__((constructor)) static void add_##id(void)                                    \
	{                                                                                          \
		varm_method_add(&id);                                                              \
	}                                                                                          \
	static const struct method id
#define VARM_TAKES(...) ((const struct take[]){__VA_ARGS__, {.parameter = NULL}})

void varm_method_add(const struct method *m);
size_t varm_method_count(void);
const struct method *varm_method_at(size_t i);           /* sorted by name */
const struct method *varm_method_find(const char *name); /* NULL: no such method */
/* By mergekit's name of it, or ours. */
const struct method *varm_method_find_recipe(const char *name);

/* Parameters of several methods. */
extern const struct parameter varm_weight, varm_normalize;

/* What m takes under a name of recipes; NULL: nothing. */
const struct take *varm_method_take(const struct method *m, const char *name);
double varm_take_usual(const struct take *t);
struct settings varm_method_settings(const struct method *m);
struct target_params varm_method_target_params(const struct method *m);
/* Whether the method can merge so many targets, and with such parameters. */
int varm_method_check_count(const struct method *m, int n_target, struct fc_err *e);
int varm_method_check(const struct method *m, const struct settings *s,
    const struct target_params *params, int n_target, struct fc_err *e);

/* The method's measure(), given what it needs. */
int varm_method_measure(
    const struct method *m, const struct views *v, struct measured *r, struct fc_err *e);
/* Frees what r owns; the second one all but the weights. */
void varm_measured_clear(struct measured *r);
void varm_measured_trim(struct measured *r);

#endif
