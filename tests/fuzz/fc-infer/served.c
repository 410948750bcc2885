/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of --logprobs: what is taken of a request and its response is an example that a stream may
 * hold. */
#include "../input.h"

#include <string.h>

#include "fc-infer/served/line.h"
#include "fc-infer/served/served.h"
#include "stream/check.h"
#include "text/jsonl.h"

struct fuzzed {
	struct served served;
	struct reply reply;
	struct fc_header header;
};

static int take_line(void *ctx /* struct fuzzed */, json_t *o, const char *where, struct fc_err *e)
{
	struct fuzzed *f = ctx;
	struct line line;
	struct fc_conversation c = {0};
	json_t *members = json_copy(o);
	fc_example_clear(&f->served.x);
	if (infer_line_find(&line, o, where, e) == 0 && !line.error &&
	    infer_reply_read(&f->reply, line.response, where, e) == 0 &&
	    infer_line_conversation(&c, members, &line, &f->reply, false, 1, where, e) == 0 &&
	    infer_served_encode(&f->served, &c, e) == 0 &&
	    infer_served_example(&f->served, &f->reply, e) == 0 &&
	    fc_check_example(&f->header, &f->served.x, e) < 0) {
		fprintf(stderr, "%s\n", e->msg);
		abort();
	}
	fc_conversation_release(&c);
	json_decref(members);
	json_decref(o);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct infer_options options = {.model = "pipelines/demo/kit/pivot",
	    .top_k = 5,
	    .all_rows = true,
	    .cut = FC_CUT_PROMPT};
	static struct fuzzed f;
	struct fc_err e = {0};
	if (!f.served.opt) {
		if (infer_served_open(&f.served, &options, options.model, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			abort();
		}
		infer_served_header(&f.served, &f.header);
	}
	fc_jsonl_each(input_file(p, n, 0), take_line, &f, &e);
	return 0;
}
