/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/progress.h"
#include "fc-align/align.h"
#include "fc-align/apply/carry.h"
#include "stream/reader.h"
#include "text/table.h"

struct options {
	const char *out;
	enum fc_table_format format;
	int top, limit;
};

struct work {
	const struct options *o;
	struct fc_reader *in;
	struct align_carry *carry; /* NULL: the stream is over the pivot's tokens already */
	struct align_cutter pivot; /* where carry is NULL */
	bool certain; /* a token stream: rows are made up, and their mass means nothing */
	bool drawn;   /* rows are of draws */
	size_t n_pivot, n_source;
	struct align_ledger ledger;
};

static int open_all(struct work *w, const char *path, struct fc_err *e)
{
	const struct align_carry_options *o = &align_carry_asked;
	if (fc_reader_open(&w->in, path, 0, e) < 0)
		return -1;
	const struct fc_header *h = fc_reader_header(w->in);
	if (h->kind != FC_KIND_TOKENS && h->kind != FC_KIND_DISTS)
		return fc_fail(e, "%s is a %s; expected one of tokens or distributions",
		    fc_reader_name(w->in), fc_kind_name(h->kind));
	w->certain = h->kind == FC_KIND_TOKENS;
	w->drawn = h->n_sample > 0;
	w->n_source = fc_header_n_output(h);
	if (align_cutter_open(&w->pivot, o->pivot, e) < 0)
		return -1;
	w->n_pivot = fc_tokenizer_n_vocab(w->pivot.tokenizer);
	bool same = h->tokenizer == fc_tokenizer_fingerprint(w->pivot.tokenizer);
	if (same && h->n_vocab > w->n_pivot)
		return fc_fail(
		    e, "%s has ids that %s has no tokens for", fc_reader_name(w->in), o->pivot);
	w->ledger.missed = FC_ARRAY(uint64_t, w->n_pivot + 1);
	w->ledger.unmapped = FC_ARRAY(double, w->n_source + 1);
	if (same && !o->source && !o->map)
		return 0;
	struct fc_header certain = *h; /* borrows all of it */
	certain.top_k = 1;
	return align_carry_open(&w->carry, o, w->certain ? &certain : h, fc_reader_name(w->in), e);
}

static void close_all(struct work *w)
{
	fc_reader_close(w->in);
	align_carry_close(w->carry);
	align_cutter_close(&w->pivot);
	free(w->ledger.missed);
	free(w->ledger.unmapped);
}

/* Rows that are certain of the text, to find out where rows would stand. */
static void make_certain(struct fc_example *x)
{
	const float certain = 0;
	for (uint32_t t = 1; t < x->n_tok; t++)
		if (fc_example_trained(x, t))
			fc_example_add_row(x, t, 1, &x->tok[t], &certain, certain);
}

/* A stream that was carried over: what is there. */
static void look_at(struct work *w, const struct fc_example *x)
{
	struct align_ledger *l = &w->ledger;
	size_t r = 0;
	for (uint32_t t = 1; t < x->n_tok; t++) {
		if (!fc_example_trained(x, t))
			continue;
		l->n_trained++;
		while (r < x->n_row && x->row_tok[r] < t)
			r++;
		if (r == x->n_row || x->row_tok[r] != t) {
			l->missed[x->tok[t]]++;
			continue;
		}
		double out = 0;
		for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
			out += exp(x->entry_logprob[i]);
		/* all draws of a row may be of one token */
		if (!w->drawn && x->row_off[r + 1] - x->row_off[r] == 1 &&
		    x->entry_logprob[x->row_off[r]] >= 0) {
			l->n_onehot++;
			continue;
		}
		l->n_row++;
		l->out += out;
		l->lost[ALIGN_LOSS_TAIL] += 1 - out;
	}
}

static int read_all(struct work *w, struct fc_err *e)
{
	struct fc_example x, pivot;
	enum fc_read got = FC_READ_END;
	uint64_t n = 0, limit = (uint64_t)w->o->limit;
	fc_example_init(&x);
	fc_example_init(&pivot);
	fc_progress_start("conversations", limit);
	while ((!limit || n < limit) && (got = fc_reader_example(w->in, &x, e)) == FC_READ_RECORD) {
		if (w->certain)
			make_certain(&x);
		if (!w->carry)
			look_at(w, &x);
		else if (align_carry_example(w->carry, &x, &pivot, &w->ledger, e) < 0)
			break;
		fc_progress_set(++n, NULL);
	}
	fc_progress_end();
	fc_example_release(&x);
	fc_example_release(&pivot);
	return got == FC_READ_END || (limit && n == limit) ? 0 : -1;
}

static void put_item(struct fc_table *t, const char *item, const char *token, double n, double of)
{
	if (n < 0 && n > -1e-6 * of) /* a remainder of rounding */
		n = 0;
	FC_TABLE_ROW(
	    t, fc_cell_text(item), fc_cell_text(token), fc_cell_real(n), fc_cell_real(n / of));
}

struct most {
	uint32_t id;
	double n;
};

static int by_number_then_id(const void *a, const void *b)
{
	const struct most *x = a, *y = b;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The ids of the largest values above 0, the largest first; at most `top`.  The caller frees it. */
static struct most *find_most(
    const struct align_ledger *l, bool missed, size_t n, size_t top, size_t *n_most)
{
	struct most *v = FC_ARRAY(struct most, n + 1);
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		double value = missed ? (double)l->missed[i] : l->unmapped[i];
		if (value > 0)
			v[k++] = (struct most){(uint32_t)i, value};
	}
	qsort(v, k, sizeof *v, by_number_then_id);
	*n_most = k < top ? k : top;
	return v;
}

/* Spelled as the vocabulary does, so that spaces can be seen; "#7" where it is not at hand. */
static void put_most(struct fc_table *t, const struct work *w, bool missed)
{
	const struct align_ledger *l = &w->ledger;
	const struct align_vocab *source = w->carry ? align_carry_source(w->carry) : NULL;
	size_t n;
	struct most *v =
	    find_most(l, missed, missed ? w->n_pivot : w->n_source, (size_t)w->o->top, &n);
	for (size_t i = 0; i < n; i++) {
		char number[20];
		const char *piece = missed ? fc_tokenizer_piece(w->pivot.tokenizer, v[i].id)
		    : source && v[i].id < source->n ? source->word[v[i].id].piece
						    : NULL;
		snprintf(number, sizeof number, "#%" PRIu32, v[i].id);
		put_item(t, missed ? "token without a row" : "candidate without a token",
		    piece ? piece : number, v[i].n,
		    missed ? (double)l->n_trained : (double)l->n_row);
	}
	free(v);
}

/* share: of trained tokens, or of the rows' probability */
static const struct fc_column columns[] = {FC_COLUMN("item"), FC_COLUMN("token"),
    FC_COLUMN("number", .decimals = 1), FC_COLUMN("share", .decimals = 4)};

static void add_rows(struct fc_table *t, const struct work *w)
{
	const struct align_ledger *l = &w->ledger;
	double trained = (double)l->n_trained, rows = (double)l->n_row;
	uint64_t other = l->n_onehot + l->n_pivot;
	put_item(t, "trained tokens", "", trained, trained);
	put_item(t, "with a row", "", rows, trained);
	put_item(t, "one-hot", "", (double)l->n_onehot, trained);
	put_item(t, "without a row", "", (double)(l->n_trained - l->n_row - other), trained);
	if (l->n_unread)
		put_item(t, "of these, truncated in the source", "", (double)l->n_unread, trained);
	if (l->n_unsure)
		put_item(t, "of these, too little known", "", (double)l->n_unsure, trained);
	if (!w->certain) {
		put_item(t, "probability that arrived", "", l->out, rows);
		for (int i = 0; i < ALIGN_N_LOSS; i++) {
			char item[40];
			if (i == ALIGN_LOSS_NO_TOKEN && !(l->lost[i] > 0))
				continue;
			snprintf(item, sizeof item, "lost: %s", align_loss_name[i]);
			put_item(t, item, "", l->lost[i], rows);
		}
	}
	put_most(t, w, true);
	if (!w->certain)
		put_most(t, w, false);
}

static struct options asked = {.top = 10};

static const struct fc_opt own[] = {
    FC_OPT_INT(
	0, "top", FC_OPT_DECIDES, &asked.top, "N", 0, 1000000, "most frequent tokens to name"),
    FC_OPT_INT('n', "records", FC_OPT_DECIDES, &asked.limit, "N", 0, 2147483647,
	"conversations to read at most (0: all)"),
    FC_OPT_WORD(0, "format", FC_OPT_FORM, &asked.format, fc_table_format_words, "how to print"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {align_carry_table, own, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... -p PIVOT [-s SOURCE | -m MAP] [STREAM]",
    .summary = "Reads tokens or distributions, tells what becomes of them over the pivot's "
	       "tokens.",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	align_carry_check_usage(&align_carry_asked);
	if (argc > 1)
		fc_die_usage("one stream at a time; join several with cat");
	struct work w = {.o = &o};
	struct fc_err e;
	struct fc_table t = FC_TABLE(columns);
	if (open_all(&w, argc > 0 ? argv[0] : "-", &e) < 0 || read_all(&w, &e) < 0)
		fc_die("%s", e.msg);
	add_rows(&t, &w);
	if (fc_table_write(&t, o.format, NULL, o.out, &e) < 0)
		fc_die("%s", e.msg);
	close_all(&w);
	fc_finish();
}

const struct fc_command align_command_report = {"report", tables, &usage, run};
