/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of --from-jsonl: what the writer takes of them, the reader takes too, with as many records.
 */
#include "../input.h"

#include <string.h>

#include "fc-view/from_jsonl.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "text/jsonl.h"

struct made {
	struct fc_header header;
	struct fc_writer *writer;
	struct fc_example x;
	struct view_tensor_lines tensor;
	uint64_t n;
	char path[32];
};

static int make_record(
    struct made *m, const json_t *o, const struct view_place *at, struct fc_err *e)
{
	struct fc_map_entry entry;
	bool done = false;
	if (fc_kind_has_examples(m->header.kind))
		return view_example_line_read(at, o, &m->header, &m->x, e) < 0
		    ? -1
		    : fc_writer_example(m->writer, &m->x, e);
	if (m->header.kind == FC_KIND_MAP)
		return view_map_line_read(at, o, &m->header, &entry, e) < 0
		    ? -1
		    : fc_writer_map(m->writer, &entry, 1, e);
	if (view_tensor_line_read(at, o, &m->tensor, &done, e) < 0)
		return -1;
	return done ? fc_writer_tensor(m->writer, &m->tensor.whole, e) : 0;
}

static int take_line(void *ctx /* struct made */, json_t *o, const char *where, struct fc_err *e)
{
	struct made *m = ctx;
	const struct view_place at = {.line = where};
	const json_t *header = json_object_get(o, "header");
	int ret = -1;
	if (m->writer) {
		ret = make_record(m, o, &at, e);
		m->n += ret == 0 && fc_kind_has_examples(m->header.kind);
	} else if (header) {
		ret = view_header_line_read(&at, header, NULL, &m->header, e);
		if (ret == 0)
			ret = fc_writer_open(&m->writer, m->path, &m->header, e);
		if (ret < 0)
			fc_header_release(&m->header);
	}
	if (ret < 0 && (header || m->writer) && !*e->msg)
		abort();
	json_decref(o);
	return ret;
}

static void read_back(const struct made *m)
{
	struct fc_reader *r;
	struct fc_example x;
	struct fc_tensor_part t;
	struct fc_map_part map;
	struct fc_err e;
	enum fc_read got;
	uint64_t n = 0;
	fc_example_init(&x);
	if (fc_reader_open(&r, m->path, m->header.kind, &e) < 0)
		abort();
	do {
		got = fc_kind_has_examples(m->header.kind) ? fc_reader_example(r, &x, &e)
		    : m->header.kind == FC_KIND_MAP        ? fc_reader_map(r, &map, &e)
							   : fc_reader_tensor(r, &t, &e);
		n += got == FC_READ_RECORD && fc_kind_has_examples(m->header.kind);
	} while (got == FC_READ_RECORD);
	if (got != FC_READ_END || n != m->n) {
		fprintf(stderr, "%s\n", got == FC_READ_ERROR ? e.msg : "another number of records");
		abort();
	}
	fc_example_release(&x);
	fc_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static char dir[] = "/tmp/fc-fuzz-l-XXXXXX";
	static bool made_dir;
	struct made m = {0};
	struct fc_err e = {0};
	if (!made_dir && !mkdtemp(dir))
		abort();
	made_dir = true;
	snprintf(m.path, sizeof m.path, "%s/s", dir);
	fc_example_init(&m.x);
	fc_jsonl_each(input_file(p, n, 0), take_line, &m, &e);
	if (m.writer) {
		if (fc_writer_finish(m.writer, &e) == 0 && !m.tensor.open)
			read_back(&m);
		fc_header_release(&m.header);
	}
	fc_example_release(&m.x);
	view_tensor_lines_release(&m.tensor);
	unlink(m.path);
	return 0;
}
