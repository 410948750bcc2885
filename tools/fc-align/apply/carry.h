/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_CARRY_H
#define FC_ALIGN_CARRY_H

#include "base/opt.h"
#include "fc-align/apply/ledger.h"
#include "fc-align/apply/published_transfer.h"
#include "fc-align/vocab/cutter.h"

/*
 * apply/: a source's rows become rows over the pivot's tokens. apply is the command and carry what
 * every command that carries rows has in common; bytewise (with firsttoken and rowsum) is the
 * byte-exact transfer, offsets with transfer the one by a map, published_transfer those of the
 * reference programs; draws is what they have to know of rows that were drawn. fallback fills
 * trained tokens that got no row, ledger books where probability went, report_rows shows the books
 * before any training.
 */

/* How rows are carried over, for the commands that do it: one of byte-exact, by a map, published.
 */
enum align_kind {
	ALIGN_KIND_BYTES,
	ALIGN_KIND_FUSELLM,
	ALIGN_KIND_FUSECHAT1,
	ALIGN_KIND_FUSECHAT2,
	ALIGN_KIND_N
};
/* Of those behind BYTES. */
enum align_published align_kind_published(enum align_kind kind);
extern const char *const align_kind_words[];

/* Candidates of a published transfer that meet: their probabilities add up, or one has the place.
 */
enum align_collision { ALIGN_COLLISION_ADD, ALIGN_COLLISION_FIRST, ALIGN_COLLISION_N };

struct align_carry_options {
	const char *pivot, *source, *map; /* model folders, a map stream; NULL: not given */
	enum align_kind align;
	enum align_published_mode match;
	enum align_collision collide;
	double known;
};

/* What the command line says of it, and the options that do. */
extern struct align_carry_options align_carry_asked;
extern const struct fc_opt align_carry_table[];

/* Ends with status 2 where the options do not go together. */
void align_carry_check_usage(const struct align_carry_options *o);

struct align_carry;
/* stream: the header of the source's stream; name: what to call it.  All borrowed. */
int align_carry_open(struct align_carry **c, const struct align_carry_options *o,
    const struct fc_header *stream, const char *name, struct fc_err *e);
void align_carry_close(struct align_carry *c);

/* The source's vocabulary; NULL where its folder was not asked for. */
const struct align_vocab *align_carry_source(const struct align_carry *c);
/* What the header of the carried rows says: the pivot's tokenizer, its ids, the most entries. */
void align_carry_header(const struct align_carry *c, struct fc_header *h);

/* pivot: its old contents are dropped; gets the conversation in the pivot's tokens, with rows. */
int align_carry_example(struct align_carry *c, const struct fc_example *source,
    struct fc_example *pivot, struct align_ledger *ledger, struct fc_err *e);

#endif
