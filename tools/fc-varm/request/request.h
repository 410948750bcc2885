/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_REQUEST_H
#define FC_VARM_REQUEST_H

#include "fc-varm/request/inputs.h"

/*
 * request/: what was asked for becomes a plan. request holds the command line's options and inputs
 * opens its models; parameter names mergekit's methods with what each takes, and recipe_plan opens
 * a recipe's models and decides everything.
 */

/* The command line's options about methods, as given. */
struct asked {
	int method, by, measure, normalize, rescale, nuslerp;
	/* NULL, one number for all targets, or one for each, separated by commas */
	const char *weights, *density, *gamma, *epsilon;
	double lambda, t, select_topk, temperature;
	uint64_t seed;
	bool filter_wise;
};
extern struct asked varm_asked; /* holds the defaults at first */

/* Rows of the option table. */
#define REQUEST_METHODS                                                                            \
	"varm|sce|sce-mergekit|linear|task_arithmetic|ties|dare_linear|dare_ties|della|"           \
	"della_linear|breadcrumbs|breadcrumbs_ties|slerp|nuslerp|multislerp|karcher|"              \
	"model_stock|nearswap|arcee_fusion|ram|ramplus_tl|dare_linear-paper|dare_ties-paper|"      \
	"della-paper|della_linear-paper"
#define REQUEST_OPTIONS                                                                            \
	{FC_OPT_HEAD, 0, NULL, NULL, NULL, "Methods", 0, 0},                                       \
	    {FC_OPT_CHOICE, 0, "by", &varm_asked.by, "matrix|module|layer|model|parameter",        \
		"varm: what shares a weight", 0, 0},                                               \
	    {FC_OPT_CHOICE, 0, "measure", &varm_asked.measure, "square|absolute",                  \
		"varm: the mean of d^2 or of |d|", 0, 0},                                          \
	    {FC_OPT_REAL, 0, "temperature", &varm_asked.temperature, "T",                          \
		"varm: softmax of the measures over T (0: their ratio)", 0, 1e30},                 \
	    {FC_OPT_REAL, 0, "select-topk", &varm_asked.select_topk, "P",                          \
		"sce: part of the entries that decide the weights (sce 0.1, sce-mergekit 1)", 0,   \
		1},                                                                                \
	    {FC_OPT_STR, 0, "weights", &varm_asked.weights, "W,W...",                              \
		"a weight for each target, or one for all (default: 1)", 0, 0},                    \
	    {FC_OPT_CHOICE, 0, "normalize", &varm_asked.normalize, "auto|yes|no",                  \
		"divide by the sum of the weights (auto: as the method does)", 0, 0},              \
	    {FC_OPT_REAL, 0, "lambda", &varm_asked.lambda, "L",                                    \
		"task_arithmetic and the like: factor of the merged change", -1e30, 1e30},         \
	    {FC_OPT_STR, 0, "density", &varm_asked.density, "D,D...",                              \
		"ties, dare, della, breadcrumbs: part of the changes that stays", 0, 0},           \
	    {FC_OPT_CHOICE, 0, "rescale", &varm_asked.rescale, "auto|yes|no",                      \
		"the same: make up for what is dropped (auto: as the method does)", 0, 0},         \
	    {FC_OPT_STR, 0, "gamma", &varm_asked.gamma, "G,G...",                                  \
		"breadcrumbs: part of the changes, the largest, that goes", 0, 0},                 \
	    {FC_OPT_STR, 0, "epsilon", &varm_asked.epsilon, "E,E...",                              \
		"della: how far the density varies with the rank of a change", 0, 0},              \
	    {FC_OPT_U64, 0, "seed", &varm_asked.seed, "N",                                         \
		"dare, della: which changes are drawn; of stochastic rounding (default: 1)", 0,    \
		0},                                                                                \
	    {FC_OPT_REAL, 0, "t", &varm_asked.t, "T",                                              \
		"slerp: from the pivot (0) to the target (1); nearswap: a distance", -1e30, 1e30}, \
	    {FC_OPT_CHOICE, 0, "nuslerp", &varm_asked.nuslerp, "tensor|rows|columns",              \
		"nuslerp: what is a vector", 0, 0},                                                \
	{                                                                                          \
		FC_OPT_FLAG, 0, "filter-wise", &varm_asked.filter_wise, NULL,                      \
		    "model_stock: a weight for each row", 0, 0                                     \
	}

/* Whether some option about methods was given. */
bool varm_request_is_given(void);

/* What the options say about every tensor, checked; ends the program where they are wrong.  The
 * terms are the caller's to free. */
struct request varm_request_make(int n_target);

#endif
