/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-train/pair_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/pair.h"
#include "stream/nameset.h"
#include "text/json.h"

_Static_assert((int)FC_PAIR_CHOSEN == (int)TRAIN_CHOSEN &&
	(int)FC_PAIR_REJECTED == (int)TRAIN_REJECTED && (int)FC_PAIR_SOURCE == (int)TRAIN_SOURCE,
    "answers of a pair have one order");

/* A record of the stream, and what its "pair" says. */
struct record {
	struct fc_example x;
	char *pair; /* id */
	enum fc_pair_side side;
};

struct train_pair_reader {
	const char *name;
	struct record side[FC_PAIR_SIDES], ahead;
	bool has_ahead, ended;
	struct fc_nameset seen;
	struct train_reference *ref; /* scratch */
};

struct train_pair_reader *train_pair_reader_new(const char *name)
{
	struct train_pair_reader *p = FC_NEW(struct train_pair_reader);
	p->name = name;
	for (int i = 0; i < FC_PAIR_SIDES; i++)
		fc_example_init(&p->side[i].x);
	fc_example_init(&p->ahead.x);
	return p;
}

void train_pair_reader_free(struct train_pair_reader *p)
{
	if (!p)
		return;
	for (int i = 0; i < FC_PAIR_SIDES; i++) {
		fc_example_release(&p->side[i].x);
		free(p->side[i].pair);
	}
	fc_example_release(&p->ahead.x);
	free(p->ahead.pair);
	fc_nameset_release(&p->seen);
	free(p->ref);
	free(p);
}

void train_pair_reader_restart(struct train_pair_reader *p)
{
	if (!p)
		return;
	p->has_ahead = p->ended = false;
	fc_nameset_release(&p->seen);
}

static const char *id_of(const struct fc_example *x)
{
	return x->id.p ? x->id.p : "";
}

static int fail_no_pair(
    const struct train_pair_reader *p, const struct fc_example *x, struct fc_err *e)
{
	return fc_fail(e,
	    "%s: conversation '%s' is no answer of a pair; --preference trains on what fc-infer "
	    "makes of lines with \"chosen\" and \"rejected\" and without \"messages\"",
	    p->name, id_of(x));
}

/* What r's record says of its pair. */
static int read_pair(const struct train_pair_reader *p, struct record *r, struct fc_err *e)
{
	json_t *meta = r->x.meta.n ? fc_json_text(r->x.meta.p, r->x.meta.n, p->name, e) : NULL;
	const json_t *pair = json_object_get(meta, "pair");
	const char *id = json_string_value(json_object_get(pair, "id"));
	const char *side = json_string_value(json_object_get(pair, "side"));
	int ret = -1;
	free(r->pair);
	r->pair = id ? fc_strdup(id) : NULL;
	for (int i = 0; id && side && i < FC_PAIR_SIDES; i++)
		if (!strcmp(side, fc_pair_side_name((enum fc_pair_side)i))) {
			r->side = (enum fc_pair_side)i;
			ret = 0;
		}
	if (ret < 0 && (meta || !r->x.meta.n))
		fail_no_pair(p, &r->x, e);
	json_decref(meta);
	return ret;
}

/* Makes the next record the one ahead; at the end there is none. */
static int look_ahead(struct train_pair_reader *p, struct fc_reader *r, struct fc_err *e)
{
	if (p->has_ahead || p->ended)
		return 0;
	enum fc_read got = fc_reader_example(r, &p->ahead.x, e);
	p->ended = got == FC_READ_END;
	if (got == FC_READ_ERROR || (!p->ended && read_pair(p, &p->ahead, e) < 0))
		return -1;
	p->has_ahead = !p->ended;
	return 0;
}

/* 1: the next record is that side, of pair id where that is given, and was taken; 0: it is not. */
static int take_side(struct train_pair_reader *p, struct fc_reader *r, enum fc_pair_side side,
    const char *id, struct fc_err *e)
{
	if (look_ahead(p, r, e) < 0)
		return -1;
	if (!p->has_ahead || p->ahead.side != side || (id && strcmp(id, p->ahead.pair) != 0))
		return 0;
	const struct record was = p->side[side];
	p->side[side] = p->ahead;
	p->ahead = was;
	p->has_ahead = false;
	return 1;
}

static uint32_t prompt_end(const struct fc_example *x)
{
	uint32_t start = 0;
	for (size_t i = 0; i < x->n_seg; i++) {
		if (x->seg[i].flags & FC_TOK_TRAINED)
			return start;
		start = x->seg[i].end;
	}
	size_t t = 0;
	while (t < x->n_tok && !fc_example_trained(x, t))
		t++;
	return t < x->n_tok ? fc_example_start(x, t) : (uint32_t)x->text.n;
}

/* Calls of tools are trained with the header of their turn, so that one answer may begin a little
 * before the other. */
static int check_prompts(const struct train_pair_reader *p, const struct record *a,
    const struct record *b, struct fc_err *e)
{
	const uint32_t end_a = prompt_end(&a->x), end_b = prompt_end(&b->x);
	const uint32_t n = end_a < end_b ? end_a : end_b;
	if (!n || !memcmp(a->x.text.p, b->x.text.p, n))
		return 0;
	return fc_fail(e, "%s: pair '%s': '%s' and '%s' are answers to different prompts", p->name,
	    a->pair, id_of(&a->x), id_of(&b->x));
}

/* Reads the records of the next pair; returns how many they are, 0 at the end. */
static int read_sides(struct train_pair_reader *p, struct fc_reader *r, struct fc_err *e)
{
	int n = take_side(p, r, FC_PAIR_CHOSEN, NULL, e);
	if (n < 0)
		return -1;
	if (n == 0 && !p->ended)
		return fc_fail(e,
		    "%s: pair '%s': '%s' stands without the chosen answer before it; the answers "
		    "of a pair follow each other",
		    p->name, p->ahead.pair, id_of(&p->ahead.x));
	const char *id = p->side[FC_PAIR_CHOSEN].pair;
	while (n > 0 && n < FC_PAIR_SIDES) {
		int got = take_side(p, r, (enum fc_pair_side)n, id, e);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		if (check_prompts(p, &p->side[FC_PAIR_CHOSEN], &p->side[n], e) < 0)
			return -1;
		n++;
	}
	if (n == 1)
		return fc_fail(e,
		    "%s: pair '%s' has no rejected answer behind the chosen one; was half of it "
		    "left out?",
		    p->name, id);
	if (n > 0 && !fc_nameset_add(&p->seen, id, strlen(id)))
		return fc_fail(e, "%s: pair '%s' comes twice", p->name, id);
	return n;
}

/* Fills p->ref for x; returns how many. */
static int find_references(struct train_pair_reader *p, const struct train_pair_rule *rule,
    const struct fc_header *h, const struct fc_example *x, struct fc_err *e)
{
	const size_t n_other = train_references_n(rule->references);
	const size_t own = rule->kind == TRAIN_PREFERENCE_INFIFPO || !n_other;
	p->ref = fc_realloc(p->ref, own + n_other, sizeof *p->ref);
	if (own && train_reference_own(x, h, p->name, &p->ref[0], e) < 0)
		return -1;
	for (size_t i = 0; i < n_other; i++)
		if (train_references_find(rule->references, i, x, &p->ref[own + i], e) < 0)
			return -1;
	return (int)(own + n_other);
}

static int make_side(struct train_pair_reader *p, int i, int n, const struct fc_header *h,
    const struct train_example_rule *rule, struct train_example **s,
    struct train_example_count *count, struct fc_err *e)
{
	const struct fc_example *x = &p->side[i].x;
	const int n_ref = find_references(p, rule->pairs, h, x, e);
	if (n_ref < 0 ||
	    train_example_new_side(s, x, rule, p->ref, (uint32_t)n_ref, p->name, count, e) < 0)
		return -1;
	(*s)->size.n_side = (uint32_t)(n - i);
	return 0;
}

static int make_pair(struct train_pair_reader *p, int n, const struct fc_header *h,
    const struct train_example_rule *rule, struct train_example **s,
    struct train_example_count *count, struct fc_err *e)
{
	struct train_example_count of_pair = {0};
	struct train_example **at = s;
	*s = NULL;
	for (int i = 0; i < n; i++, at = &(*at)->next)
		if (make_side(p, i, n, h, rule, at, &of_pair, e) < 0) {
			train_example_free(*s);
			*s = NULL;
			return -1;
		}
	count->n_example++;
	count->n_tok += of_pair.n_tok;
	count->n_label += of_pair.n_label;
	return 1;
}

int train_pair_reader_next(struct train_pair_reader *p, struct fc_reader *r,
    const struct train_example_rule *rule, struct train_example **s,
    struct train_example_count *count, struct fc_err *e)
{
	const bool wrpo = rule->pairs->kind == TRAIN_PREFERENCE_WRPO;
	for (;;) {
		int n = read_sides(p, r, e);
		bool useless = false;
		if (n <= 0)
			return n;
		if (wrpo && n < FC_PAIR_SIDES)
			return fc_fail(e,
			    "%s: pair '%s' has no source_chosen answer, which --preference wrpo "
			    "needs",
			    p->name, p->side[FC_PAIR_CHOSEN].pair);
		if (!wrpo && n == FC_PAIR_SIDES) {
			count->n_beside++;
			n--;
		}
		for (int i = 0; i < n; i++)
			useless = useless || !train_reference_labels(&p->side[i].x);
		if (!useless)
			return make_pair(p, n, fc_reader_header(r), rule, s, count, e);
		count->n_useless++;
	}
}
