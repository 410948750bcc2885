/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_PUBLISHED_TRANSFER_H
#define FC_ALIGN_PUBLISHED_TRANSFER_H

#include "fc-align/apply/ledger.h"
#include "fc-align/vocab/dtw.h"
#include "fc-align/vocab/mapfile.h"
#include "stream/example.h"

/*
 * The published transfers: which of the source's rows an aligned pivot position takes, and over
 * which ids.  Positions are tokens; a position's row is the one that predicts the token after it.
 */
enum align_published_mode {
	ALIGN_PUBLISHED_DEFAULT, /* FuseChat: spelling, else the map; uses counts where several are
				  * aligned
				  */
	ALIGN_PUBLISHED_SINGLE,  /* FuseChat without counts: several aligned give no row */
	ALIGN_PUBLISHED_HARD,    /* EM: the same spelling only */
	ALIGN_PUBLISHED_SOFT,    /* MinED: by the map only */
	ALIGN_PUBLISHED_N
};

struct align_published_transfer_options {
	enum align_published version;
	/* FuseLLM has hard and soft, FuseChat 1 default and single. */
	enum align_published_mode mode;
	/* Of candidates that meet at one pivot token keep the first value, as published; false:
	 * their probabilities add up.  FuseChat 1 keeps the largest where it puts several rows
	 * together. */
	bool first;
	size_t n_pivot, top_k;
};

struct align_published_transfer;
/* All borrowed. */
struct align_published_transfer *align_published_transfer_new(
    const struct align_published_transfer_options *o, const struct align_wording *source,
    const struct align_wording *pivot, const struct align_mapping *map);
void align_published_transfer_free(struct align_published_transfer *p);

/* One entry of a row; borrowed until the next call. */
struct align_published_row {
	enum { ALIGN_PUBLISHED_NONE, ALIGN_PUBLISHED_ROW } what; /* none: a fallback's turn */
	size_t n; /* may be 0: every candidate was dropped */
	const uint32_t *id;
	const float *value;
};

/*
 * For pivot position p of tokens piv, aligned with the source positions of span, whose tokens are
 * src.  x: has the source's rows; row_of[j]: the index of position j's row, UINT32_MAX: none.
 */
struct align_published_row align_published_transfer_position(struct align_published_transfer *k,
    const uint32_t *piv, size_t p, const uint32_t *src, struct align_dtw_span span,
    const struct fc_example *x, const uint32_t *row_of);

/*
 * Adds rows to pivot, which has text and tokens and no rows: aligned by d, picked by k.  Ledger:
 * mass is counted as by a map.
 */
void align_published_transfer_example(struct align_published_transfer *k, struct align_dtw *d,
    const struct fc_example *source, struct fc_example *pivot, struct align_ledger *ledger);

#endif
