/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_METHOD_H
#define FC_VARM_METHOD_H

#include "fc-varm/method/sweep.h"

/*
 * method/: what is computed. method.h is the interface of a method and the list of them; each
 * method is a file: varm, sce, linear_merge, task_arithmetic (with sparse, sparse_rank: TIES,
 * DARE, DELLA, breadcrumbs), spheric (SLERP, karcher, multislerp), nuslerp, nearswap, arcee,
 * stock, ram. They work on blocks: sweep passes over a tensor of all models, stream_in reads and
 * uses a block in one go, sums and gram add up, rows cuts by rows, chance draws, threshold
 * (threshold_keys, threshold_sample) finds the k-th largest.
 */

/* Which tensors share a target's weight in VaRM. */
enum granularity { BY_MATRIX, BY_MODULE, BY_LAYER, BY_MODEL, BY_PARAMETER };

/* Parameters of a tensor; names and meanings are those of merge recipes where they have one.
 * varm_method_settings() gives a method's defaults. */
struct settings {
	bool normalize;      /* divide by the sum of the weights that count */
	bool rescale;        /* make up for what a sparsifier drops */
	double lambda;       /* task arithmetic and what builds on it: factor of the change */
	double t;            /* slerp: from the base (0) to the target (1); nearswap: a distance */
	double select_topk;  /* sce: part of the entries that decide the weights */
	uint64_t seed;       /* dare, della */
	enum granularity by; /* varm */
	bool absolute;       /* varm: mean |d| instead of mean d^2 */
	double temperature;  /* varm: softmax of the importances over it; 0: their ratio */
	bool filter_wise;    /* model_stock: a weight for each row */
	bool row_wise;       /* nuslerp without flatten: columns, else rows, are the vectors */
	bool flatten;        /* nuslerp: the tensor is one vector */
	double tol;          /* karcher: angles and norms below it are 0 */
	int max_iter;        /* karcher */
	double eps;          /* multislerp: norms, ram: changes up to it are 0 */
	double reward;       /* ramplus_tl: what a target's own changes gain by each part shared */
	double most_shared;  /* ramplus_tl: that part counts up to this */
};

/* Parameters of a target in a tensor. */
struct term {
	double weight;  /* linear, task arithmetic and what builds on it, nuslerp, multislerp */
	double density; /* part of the entries that a sparsifier keeps */
	double gamma;   /* breadcrumbs: part of the entries, the largest, that is dropped */
	double
	    epsilon; /* della: how far the probability of keeping an entry varies with its rank */
};

struct cut;
struct sparsifier;

/* What a method found out about a tensor before it merges it. */
struct verdict {
	double *weight; /* [n_target], for apply() and the report; NaN: there is no such number */
	bool moved;     /* some importance was above 0 */
	double base_weight; /* methods that blend: what the base's values count */
	double *number;     /* the method's own; owned */
	struct cut *cut;    /* the same */
};

/* Whether apply() reads u->base: never, where the item has one, or always. */
enum base_reading { BASE_UNREAD, BASE_READ_IF_ANY, BASE_READ };

/*
 * A way to merge: what each target counts in a tensor, and the merged values, given that.
 * Every hook may be called from several threads at once.
 */
struct method {
	const char *name;
	/* Fills r->weight and what else apply() needs from v->set and v->term, after as many passes
	 * over the tensor as it takes. */
	int (*measure)(const struct views *v, struct verdict *r, struct fc_err *e);
	/* NULL, or what a unit needs before its first block: u->own, which the caller frees */
	int (*prepare)(struct unit *u, const struct verdict *r, struct fc_err *e);
	/* out[u->n] for the block in hand, whose values it may overwrite */
	void (*apply)(struct unit *u, const struct verdict *r, double *out);
	/* measure() gives importances, each at least 0: the engine adds up those of the items that
	 * share a group and makes weights of them, equal ones where all are 0. */
	bool importance;
	/* A weight of 1 beside zeros means that target's values, bit for bit. */
	bool convex;
	enum base_reading base;
	const struct sparsifier *sparse; /* task arithmetic: what thins out the changes, or NULL */
	bool elect;                      /* the same: only changes with the sign of the sum count */
	bool drops;                      /* apply() may leave a value out, also one that is NaN */
	bool streams;                    /* apply() reads the targets itself, once */
	bool whole_rows;                 /* a unit is whole rows (the last dimension) */
	int least, most;                 /* targets; most 0: any number */
	bool normalize;                  /* default */
	bool rescale;                    /* default */
};

extern const struct method varm_method_varm, varm_method_linear, varm_method_sce,
    varm_method_sce_mergekit;
extern const struct method varm_method_task_arithmetic, varm_method_ties, varm_method_dare_linear,
    varm_method_dare_ties, varm_method_della, varm_method_della_linear, varm_method_breadcrumbs,
    varm_method_breadcrumbs_ties, varm_method_dare_linear_paper, varm_method_dare_ties_paper,
    varm_method_della_paper, varm_method_della_linear_paper;
extern const struct method varm_method_slerp, varm_method_nuslerp, varm_method_multislerp,
    varm_method_karcher, varm_method_model_stock, varm_method_nearswap, varm_method_arcee_fusion,
    varm_method_ram, varm_method_ramplus_tl;

const struct method *varm_method_find(const char *name); /* NULL: no such method */
/* Parameters that a method reads, as bits. */
enum takes {
	TAKES_WEIGHT = 1,
	TAKES_NORMALIZE = 2,
	TAKES_LAMBDA = 4,
	TAKES_DENSITY = 8,
	TAKES_RESCALE = 16,
	TAKES_GAMMA = 32,
	TAKES_EPSILON = 64,
	TAKES_SEED = 128,
	TAKES_TOPK = 256,
	TAKES_T = 512,
	TAKES_GRANULARITY = 1024,
	TAKES_NUSLERP = 2048,
	TAKES_FILTER_WISE = 4096,
	TAKES_STEPS = 8192,
};
unsigned varm_method_takes(const struct method *m);
/* Frees what it owns; the second one all but the weights. */
void varm_verdict_clear(struct verdict *r);
void varm_verdict_trim(struct verdict *r);
struct settings varm_method_settings(const struct method *m);
struct term varm_method_term(const struct method *m);
/* Whether the method can work on so many targets with such parameters; place says where they come
 * from. */
int varm_method_check(const struct method *m, const struct settings *s, const struct term *term,
    int n_target, const char *place, struct fc_err *e);

#endif
