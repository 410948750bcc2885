/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "base/die.h"
#include "base/progress.h"
#include "fc-view/view.h"

enum fc_read view_read_record(struct fc_reader *r, struct fc_example *x, struct fc_err *e)
{
	struct fc_tensor_part t;
	struct fc_map_part m;
	enum fc_kind kind = fc_reader_header(r)->kind;
	if (fc_kind_has_tensors(kind))
		return fc_reader_tensor(r, &t, e);
	return kind == FC_KIND_MAP ? fc_reader_map(r, &m, e) : fc_reader_example(r, x, e);
}

/* Reads the records of r to the end. */
static int read_all(const struct view *v, struct fc_reader *r, uint64_t *n_record, struct fc_err *e)
{
	struct view_spelling spelling = {0};
	struct fc_example x;
	struct fc_err why;
	enum fc_read ret;
	fc_example_init(&x);
	for (*n_record = 0; (ret = view_read_record(r, &x, e)) == FC_READ_RECORD;) {
		fc_progress_set(++*n_record, NULL);
		if (v->tokenizer && view_spelling_check(&spelling, v->tokenizer, &x, &why) < 0) {
			ret = fc_fail(e, "%s: %s", fc_reader_name(r), why.msg);
			break;
		}
	}
	view_spelling_release(&spelling);
	fc_example_release(&x);
	return ret == FC_READ_END ? 0 : -1;
}

static bool verify_one(struct view *v, const char *path)
{
	struct fc_reader *r = NULL;
	struct fc_err e;
	uint64_t n = 0;
	fc_progress_start("records", 0);
	bool good = fc_reader_open(&r, path, 0, &e) == 0 && view_tokenizer_check(v, r, &e) == 0 &&
	    read_all(v, r, &n, &e) == 0 && (!v->tokenizer || fc_reader_check_hits(r, &e) == 0);
	fc_progress_end();
	if (good)
		fc_buf_addf(&v->text,
		    "%s: good: a %s of %" PRIu64 " records in %" PRIu64 " bytes\n",
		    fc_reader_name(r), fc_kind_name(fc_reader_header(r)->kind), n,
		    fc_reader_bytes(r));
	else
		fc_buf_addf(&v->text, "%s\n", e.msg);
	if (good && fc_reader_check_hits(r, &e) < 0)
		fc_warn("%s", e.msg);
	fc_reader_close(r);
	return good;
}

void view_verify(struct view *v)
{
	int n_bad = 0;
	for (int i = 0; i < v->n_path; i++)
		n_bad += !verify_one(v, v->path[i]);
	view_flush(v);
	if (n_bad)
		fc_die("%d of %d streams are not good", n_bad, v->n_path);
}
