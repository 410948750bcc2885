/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-eval/show/page_table.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "fc-eval/show/html.h"
#include "fc-eval/show/figure.h"

size_t eval_page_model_number(const struct eval_report *r, const char *name)
{
	size_t m = 0;
	while (strcmp(r->model.name[m], name))
		m++;
	return m;
}

void eval_page_model(struct fc_buf *b, const struct eval_report *r, const char *name)
{
	fc_buf_addf(b, "<span class=\"model\"><i class=\"dot s%zu\"></i>",
	    eval_page_model_number(r, name) % EVAL_FIGURE_COLOURS);
	eval_html_texts(b, name);
	fc_buf_adds(b, "</span>");
}

static size_t column_index(const struct fc_table *t, const char *name)
{
	size_t c = 0;
	while (c < t->n_column && strcmp(t->column[c].name, name) != 0)
		c++;
	assert(c < t->n_column);
	return c;
}

static void put_number(struct fc_buf *b, const char *class, int decimals, double v)
{
	if (isnan(v))
		fc_buf_addf(b, "<td class=\"n %s\">\xe2\x80\x93</td>", class);
	else
		fc_buf_addf(b, "<td class=\"n %s\">%.*f</td>", class, decimals, v);
}

static void put_probability(struct fc_buf *b, double p)
{
	if (p < 0.0005)
		fc_buf_adds(b,
		    "<td class=\"n main\">&lt;\xe2\x80\xaf"
		    "0.001</td>");
	else
		put_number(b, p < 0.05 ? "main" : "dim", 3, p);
}

static void put_interval(
    struct fc_buf *b, double v, struct fc_interval i, double low, double high, bool mark_zero)
{
	const double k = 160 / (high - low);
	fc_buf_adds(b, "<td class=\"plot\">");
	if (!isnan(i.low) && !isnan(v)) {
		fc_buf_addf(b,
		    "<svg class=\"whisker\" viewBox=\"0 0 172 16\" width=\"172\" height=\"16\" "
		    "role=\"img\" aria-label=\"%.2f to %.2f\"><title>%.2f to %.2f</title>"
		    "<line class=\"base\" x1=\"6\" x2=\"166\" y1=\"8\" y2=\"8\"/>",
		    i.low, i.high, i.low, i.high);
		if (mark_zero)
			fc_buf_addf(b,
			    "<line class=\"zero\" x1=\"%.1f\" x2=\"%.1f\" y1=\"1\" y2=\"15\"/>",
			    6 - low * k, 6 - low * k);
		fc_buf_addf(b,
		    "<line class=\"bar\" x1=\"%.1f\" x2=\"%.1f\" y1=\"8\" y2=\"8\"/><circle "
		    "cx=\"%.1f\" cy=\"8\" r=\"4\"/></svg>",
		    6 + (i.low - low) * k, 6 + (i.high - low) * k, 6 + (v - low) * k);
	}
	fc_buf_adds(b, "</td>");
}

static void put_cell(struct fc_buf *b, const struct eval_report *r, const struct fc_cell *cell,
    const struct eval_page_column *c)
{
	const struct fc_interval i = cell->interval;
	switch (c->look) {
	case EVAL_PAGE_JUDGE:
		fc_buf_adds(b, "<td class=\"dim\">");
		eval_html_texts(b, cell->text);
		fc_buf_adds(b, "</td>");
		break;
	case EVAL_PAGE_MODEL:
		fc_buf_adds(b, "<th scope=\"row\">");
		eval_page_model(b, r, cell->text);
		fc_buf_adds(b, "</th>");
		break;
	case EVAL_PAGE_OTHER:
		fc_buf_adds(b, "<td>");
		eval_page_model(b, r, cell->text);
		fc_buf_adds(b, "</td>");
		break;
	case EVAL_PAGE_MAIN:
	case EVAL_PAGE_REAL:
		put_number(b, c->look == EVAL_PAGE_MAIN ? "main" : "", c->decimals, cell->real);
		break;
	case EVAL_PAGE_P:
		put_probability(b, cell->real);
		break;
	case EVAL_PAGE_COUNT:
	case EVAL_PAGE_WARN:
		fc_buf_addf(b, "<td class=\"n %s\">%" PRIu64 "</td>",
		    c->look == EVAL_PAGE_WARN && cell->count ? "warn" : "dim", cell->count);
		break;
	case EVAL_PAGE_PLOT:
		put_interval(b, cell->real, i, c->low, c->high, false);
		break;
	case EVAL_PAGE_CHANGE:
		put_interval(b, cell->real, i, fmin(c->low, i.low), fmax(c->high, i.high), true);
		break;
	}
}

/* Has the table's column one text in all rows? */
static bool is_uniform(const struct fc_table *t, size_t c)
{
	for (size_t i = 1; i < t->n_row; i++)
		if (strcmp(t->cell[i * t->n_column + c].text, t->cell[c].text) != 0)
			return false;
	return true;
}

void eval_page_table(struct fc_buf *b, const struct eval_report *r, const struct fc_table *t,
    const struct eval_page_column *column, size_t n)
{
	size_t *at = FC_ARRAY(size_t, n);
	bool *shown = FC_ARRAY(bool, n);
	fc_buf_adds(b, "<div class=\"scroll\"><table><thead><tr>");
	for (size_t c = 0; c < n; c++) {
		at[c] = column_index(t, column[c].name);
		shown[c] = column[c].look != EVAL_PAGE_JUDGE || !is_uniform(t, at[c]);
		if (shown[c])
			fc_buf_addf(b, "<th scope=\"col\"%s>%s</th>",
			    column[c].look > EVAL_PAGE_OTHER ? " class=\"n\"" : "",
			    column[c].heading);
	}
	fc_buf_adds(b, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < t->n_row; i++) {
		fc_buf_adds(b, "<tr>");
		for (size_t c = 0; c < n; c++)
			if (shown[c])
				put_cell(b, r, &t->cell[i * t->n_column + at[c]], &column[c]);
		fc_buf_adds(b, "</tr>\n");
	}
	fc_buf_adds(b, "</tbody></table></div>\n");
	free(at);
	free(shown);
}
