/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_CARRY_H
#define FC_ALIGN_CARRY_H

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
	ALIGN_KIND_FUSECHAT2
};
#define ALIGN_KIND_KINDS "bytes|dtw-fusellm|dtw-fusechat1|dtw-fusechat2"
#define ALIGN_MATCHES "default|single|hard|soft"
#define ALIGN_COLLISIONS "add|first"

struct align_carry_options {
	const char *pivot, *source, *map; /* model folders, a map stream; NULL: not given */
	int align, match, collide;        /* enum align_kind, enum align_published_mode, 1: first */
	double known;
};
#define ALIGN_CARRY_KNOWN 0.5
#define ALIGN_CARRY_DEFAULTS .known = ALIGN_CARRY_KNOWN

/* The options in a command's table. */
#define ALIGN_CARRY_OPTS(o)                                                                        \
	{FC_OPT_IN, 'p', "pivot", &(o).pivot, "DIR", "the pivot's model folder (required)", 0, 0}, \
	    {FC_OPT_IN, 's', "source", &(o).source, "DIR",                                         \
		"the source's model folder, for a byte-exact transfer or --align dtw-*", 0, 0},    \
	    {FC_OPT_IN, 'm', "map", &(o).map, "FILE", "go by a vocabulary map, not byte-exactly",  \
		0, 0},                                                                             \
	    {FC_OPT_CHOICE, 0, "align", &(o).align, ALIGN_KIND_KINDS,                              \
		"pair tokens by their place in the text, or as published", 0, 0},                  \
	    {FC_OPT_CHOICE, 0, "match", &(o).match, ALIGN_MATCHES,                                 \
		"which rows the published transfers take", 0, 0},                                  \
	    {FC_OPT_CHOICE, 0, "collide", &(o).collide, ALIGN_COLLISIONS,                          \
		"candidates that meet in a published transfer", 0, 0},                             \
	{                                                                                          \
		FC_OPT_REAL, 0, "known", &(o).known, "X",                                          \
		    "no row where less of what follows is known, byte-exactly", 0, 1               \
	}

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
