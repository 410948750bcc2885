/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-view/from_jsonl.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/mem.h"
#include "base/progress.h"
#include "fc-view/view.h"
#include "text/jsonl.h"

/* --from-jsonl: a stream of the lines that --jsonl --whole prints, or that another program wrote.
 */
struct maker {
	const struct view *view;
	struct fc_header header; /* kind 0 before its line has come */
	struct fc_writer *writer;
	struct fc_example x;
	struct view_spelling spelling;
	struct view_tensor_lines tensor;
	struct fc_map_entry *entry; /* [n_entry] of the present section */
	size_t n_entry, cap_entry;
	uint64_t n_record;
};

static int end_section(struct maker *m, const char *where, struct fc_err *e)
{
	if (m->tensor.open)
		return fc_fail(e, "%s: the tensor %s before it has %zu of its %zu bytes", where,
		    m->tensor.name.p, m->tensor.data.n, m->tensor.whole.n_bytes);
	if (m->n_entry && fc_writer_map(m->writer, m->entry, m->n_entry, e) < 0)
		return -1;
	m->n_entry = 0;
	return 0;
}

static int take_header(struct maker *m, const json_t *o, const char *where, struct fc_err *e)
{
	const struct view_place at = {.line = where};
	struct fc_header h;
	int ret = view_header_line_read(&at, o, m->view->tokenizer, &h, e);
	if (ret == 0)
		fc_header_add_self(&h);
	if (ret == 0 && !m->writer) {
		ret = fc_writer_open(&m->writer, m->view->output, &h, e);
	} else if (ret == 0) {
		ret = fc_header_compatible(&m->header, &h, where, e);
		if (ret == 0 && h.top_k > m->header.top_k)
			ret =
			    fc_fail(e, "%s: top_k: at most the %u of the header before is expected",
				where, m->header.top_k);
		if (ret == 0 && (ret = end_section(m, where, e)) == 0)
			ret = fc_writer_section(m->writer, &h, e);
	}
	if (ret == 0) {
		fc_header_release(&m->header);
		m->header = h;
	} else {
		fc_header_release(&h);
	}
	return ret;
}

static int take_example(struct maker *m, const json_t *o, const char *where, struct fc_err *e)
{
	const struct view_place at = {.line = where};
	struct fc_err why;
	if (view_example_line_read(&at, o, &m->header, &m->x, e) < 0)
		return -1;
	if (m->view->tokenizer &&
	    view_spelling_check(&m->spelling, m->view->tokenizer, &m->x, &why) < 0)
		return fc_fail(e, "%s: %s", where, why.msg);
	if (fc_writer_example(m->writer, &m->x, &why) < 0)
		return fc_fail(e, "%s: %s", where, why.msg);
	return 0;
}

static int take_tensor(struct maker *m, const json_t *o, const char *where, struct fc_err *e)
{
	const struct view_place at = {.line = where};
	struct fc_err why;
	bool done;
	if (view_tensor_line_read(&at, o, &m->tensor, &done, e) < 0)
		return -1;
	if (done && fc_writer_tensor(m->writer, &m->tensor.whole, &why) < 0)
		return fc_fail(e, "%s: %s", where, why.msg);
	return 0;
}

static int take_entry(struct maker *m, const json_t *o, const char *where, struct fc_err *e)
{
	const struct view_place at = {.line = where};
	FC_GROW(m->entry, m->cap_entry, m->n_entry + 1);
	return view_map_line_read(&at, o, &m->header, &m->entry[m->n_entry++], e);
}

static int take_line(void *ctx /* struct maker */, json_t *o, const char *where, struct fc_err *e)
{
	static const char *const only_header[] = {"header", NULL};
	struct maker *m = ctx;
	const json_t *header = json_object_get(o, "header");
	const enum fc_kind kind = m->header.kind;
	int ret;
	if (!json_is_object(o))
		ret = fc_fail(e, "%s: an object is expected in every line", where);
	else if (header)
		ret = view_member_check_names(
			  &(struct view_place){.line = where}, o, only_header, e) < 0
		    ? -1
		    : take_header(m, header, where, e);
	else if (!m->writer)
		ret = fc_fail(e,
		    "%s: the header is expected first: {\"header\": {\"kind\": \"dists\", ...}}, "
		    "as "
		    "fc-view --jsonl --whole prints it",
		    where);
	else if (fc_kind_has_examples(kind))
		ret = take_example(m, o, where, e);
	else
		ret = fc_kind_has_tensors(kind) ? take_tensor(m, o, where, e)
						: take_entry(m, o, where, e);
	json_decref(o);
	if (ret == 0 && !header)
		fc_progress_set(++m->n_record, NULL);
	return ret;
}

void view_from_jsonl(struct view *v)
{
	struct maker m = {.view = v};
	struct fc_err e;
	fc_example_init(&m.x);
	fc_progress_start("records", 0);
	for (int i = 0; i < v->n_path; i++)
		if (fc_jsonl_each(v->path[i], take_line, &m, &e) < 0)
			fc_die("%s", e.msg);
	fc_progress_end();
	if (!m.writer)
		fc_die("%s: there is no line in it; the header is expected first",
		    v->path[v->n_path - 1]);
	if (end_section(&m, "the end of the input", &e) < 0 || fc_writer_finish(m.writer, &e) < 0)
		fc_die("%s", e.msg);
	fc_header_release(&m.header);
	fc_example_release(&m.x);
	view_spelling_release(&m.spelling);
	view_tensor_lines_release(&m.tensor);
	free(m.entry);
}
