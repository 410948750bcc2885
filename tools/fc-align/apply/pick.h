/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PICK_H
#define FC_ALIGN_PICK_H

#include "fc-align/vocab/dtw.h"
#include "fc-align/apply/ledger.h"
#include "fc-align/vocab/mapfile.h"
#include "stream/example.h"

/*
 * The published transfers: which of the source's rows an aligned pivot position takes, and over
 * which ids.  Positions are tokens; a position's row is the one that predicts the token after it.
 */
enum fc_pick_mode {
	FC_PICK_DEFAULT, /* FuseChat: spelling, else the map; uses counts where several are aligned
			  */
	FC_PICK_SINGLE,  /* FuseChat without counts: several aligned give no row */
	FC_PICK_HARD,    /* EM: the same spelling only */
	FC_PICK_SOFT,    /* MinED: by the map only */
};

struct fc_pick_options {
	enum fc_published version;
	enum fc_pick_mode mode; /* of FuseLLM: hard or soft; of FuseChat 1: default or single */
	bool first;             /* of candidates that meet, keep the first value, as published; else
				 * probabilities	     add up.  FuseChat 1 keeps the largest where it puts
				 * several	     rows together. */
	size_t n_pivot, top_k;
};

struct fc_pick;
/* All borrowed. */
struct fc_pick *fc_pick_new(const struct fc_pick_options *o, const struct fc_wording *source,
    const struct fc_wording *pivot, const struct fc_mapping *map);
void fc_pick_free(struct fc_pick *p);

/* One entry of a row; borrowed until the next call. */
struct fc_picked {
	enum { FC_PICK_NONE, FC_PICK_ROW } what; /* none: a fallback's turn */
	size_t n;                                /* may be 0: every candidate was dropped */
	const uint32_t *id;
	const float *value;
};

/*
 * For pivot position p of tokens piv, aligned with the source positions of span, whose tokens are
 * src.  x: has the source's rows; row_of[j]: the index of position j's row, UINT32_MAX: none.
 */
struct fc_picked fc_pick_position(struct fc_pick *k, const uint32_t *piv, size_t p,
    const uint32_t *src, struct fc_dtw_span span, const struct fc_example *x,
    const uint32_t *row_of);

/*
 * Adds rows to pivot, which has text and tokens and no rows: aligned by d, picked by k.  Ledger:
 * mass is counted as by a map.
 */
void fc_pick_example(struct fc_pick *k, struct fc_dtw *d, const struct fc_example *source,
    struct fc_example *pivot, struct fc_ledger *ledger);

#endif
