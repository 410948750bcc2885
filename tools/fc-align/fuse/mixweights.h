/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_MIXWEIGHTS_H
#define FC_ALIGN_MIXWEIGHTS_H

#include "fc-align/fuse/devset.h"
#include "fc-align/fuse/mixfit.h"
#include "text/table.h"

/* Weights of a mixture's members: common ones, and perhaps others for some categories. */
struct align_mixgroup {
	char *name;
	double *w;        /* [m], sum 1 */
	uint64_t n_label; /* labels the weights were fitted on; 0: they were read from a file */
	struct align_mixfit_end end;
};
struct align_mixweights {
	size_t m;
	struct align_mixgroup *group; /* [n]; the first is the common one, FC_CATEGORY_ALL */
	size_t n, cap;
};
void align_mixweights_release(struct align_mixweights *w);

/*
 * Fits them to the streams [first, d->n) of a dev set.  A category's are drawn towards the common
 * ones as by `prior` labels of known source more (align_mixfit()), so one with few labels has
 * nearly those, and one with none has them.  fold: what is left out, 0 or 1; -1: nothing.  -1 where
 * no label is left.
 */
int align_mixweights_fit(struct align_mixweights *w, const struct align_devset *d, size_t first,
    int fold, double prior, struct fc_err *e);

/* [m] of a category; the common ones where it has none of its own, and for NULL. */
const double *align_mixweights_find(const struct align_mixweights *w, const char *category);

/* Columns group, source, weight, labels.  names: [m]. */
struct fc_table align_mixweights_table(const struct align_mixweights *w, const char *const *names);
/* Reads such a table for members of these names.  Each is to have a weight in every group; a source
 * that is no member may have 0 alone. */
int align_mixweights_read(struct align_mixweights *w, const char *path, const char *const *names,
    size_t m, struct fc_err *e);
/* Weights go by name: no two members may have the same. */
int align_mixweights_check_names(const char *const *names, size_t m, struct fc_err *e);

#endif
