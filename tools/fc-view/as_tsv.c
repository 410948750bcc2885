/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "fc-view/view.h"

#define TENSOR_COLUMNS "name\tdtype\tshape\tbytes"
static const char *const columns[] = {
    [FC_KIND_TOKENS] = "id\tposition\ttoken\tstart\tend\trole\tpart\ttrained\ttext",
    [FC_KIND_DISTS] = "id\tposition\ttoken\tstart\tend\trole\tpart\ttrained\ttext\ttrue_logprob"
		      "\tmass\tentries",
    [FC_KIND_TENSORS] = TENSOR_COLUMNS,
    [FC_KIND_UPDATE] = TENSOR_COLUMNS,
    [FC_KIND_MAP] = "source\tpivot\tcount",
};

static void print_columns(struct view *v, void *data, struct fc_reader *r)
{
	bool *first = data;
	enum fc_kind kind = fc_reader_header(r)->kind;
	if (*first) {
		fc_buf_adds(&v->text, columns[kind]);
		if (v->tokenizer && kind == FC_KIND_DISTS)
			fc_buf_adds(&v->text, "\tpieces");
		fc_buf_addc(&v->text, '\n');
	}
	*first = false;
}

static void add_token(struct fc_buf *b, const struct fc_example *x, size_t t)
{
	uint32_t start = fc_example_start(x, t);
	view_add_plain(b, x->id.p, x->id.n);
	fc_buf_addf(b, "\t%zu\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu32 "\t%s\t%s\t%d\t", t, x->tok[t],
	    start, x->end[t], view_role_name(x->flags[t]), view_part_name(x->flags[t]),
	    fc_example_trained(x, t));
	view_add_plain(b, x->text.p + start, x->end[t] - start);
}

static void add_row(const struct view *v, struct fc_buf *b, const struct fc_example *x, size_t r)
{
	double mass = 0;
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		mass += exp((double)x->entry_logprob[i]);
	fc_buf_addf(b, "\t%.5g\t%.5g\t", (double)x->true_logprob[r], mass);
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++)
		fc_buf_addf(b, "%s%" PRIu32 ":%.5g", i > x->row_off[r] ? "," : "", x->entry_id[i],
		    (double)x->entry_logprob[i]);
	if (!v->tokenizer)
		return;
	fc_buf_addc(b, '\t');
	for (size_t i = x->row_off[r]; i < x->row_off[r + 1]; i++) {
		const char *piece = view_piece(v, x->entry_id[i]);
		fc_buf_adds(b, i > x->row_off[r] ? " " : "");
		view_add_plain(b, piece, strlen(piece));
	}
}

/* A distribution stream's lines are its rows, a token stream's its tokens. */
static void print_example(
    struct view *v, void *data, const struct fc_reader *r, struct fc_example *x)
{
	(void)data;
	bool rows = fc_reader_header(r)->kind == FC_KIND_DISTS;
	for (size_t i = 0; i < (rows ? x->n_row : x->n_tok); i++) {
		add_token(&v->text, x, rows ? x->row_tok[i] : i);
		if (rows)
			add_row(v, &v->text, x, i);
		fc_buf_addc(&v->text, '\n');
		view_flush_some(v);
	}
}

static void print_tensor(struct view *v, void *data, const struct fc_tensor_part *t)
{
	(void)data;
	char shape[192];
	if (t->offset)
		return;
	view_add_plain(&v->text, t->whole.name, strlen(t->whole.name));
	fc_buf_addf(&v->text, "\t%s\t%s\t%zu\n", fc_dtype_name(t->whole.dtype),
	    fc_tensor_shape_text(&t->whole, shape), t->whole.n_bytes);
	view_flush_some(v);
}

static void print_map(struct view *v, void *data, const struct fc_map_entry *entry, size_t n)
{
	(void)data;
	for (size_t i = 0; i < n; i++)
		fc_buf_addf(&v->text, "%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\t%s\t%d\n",
		    entry[i].source, entry[i].pivot, entry[i].count,
		    fc_map_rule_name(entry[i].rule), entry[i].chosen);
	view_flush_some(v);
}

void view_tsv(struct view *v)
{
	bool first = true;
	view_walk(
	    v, &(struct visitor){&first, print_columns, print_example, print_tensor, print_map});
}
