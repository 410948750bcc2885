/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of files in any packing and layout.  What is one JSON array by the parser has its elements
 * as records, and what is read as an array to its end is one; of the rest every byte is touched.
 */
#include "input.h"

#include <string.h>

#include "text/json.h"
#include "text/records.h"

struct read {
	size_t n;   /* texts */
	bool whole; /* they were read to the end */
	bool array, packed;
	json_t *values; /* those that are JSON; stops at the first that is none */
	bool all_json;
};

static void read_all(const char *path, struct read *to)
{
	struct fc_records *r;
	struct fc_err e;
	char *p;
	size_t n;
	int got;
	*to = (struct read){.values = json_array(), .all_json = true};
	if (fc_records_open(&r, path, &e) < 0)
		return; /* another kind of file */
	while ((got = fc_records_next(r, &p, &n, &e)) > 0) {
		input_touch(p, n + 1);
		if (p[n] || !n)
			abort();
		json_t *v = fc_json_text(p, n, fc_records_where(r), &e);
		to->all_json = to->all_json && v;
		if (v)
			json_array_append_new(to->values, v);
		to->n++;
		if (fc_records_number(r) < to->n)
			abort();
	}
	to->whole = got == 0;
	to->array = fc_records_is_array(r);
	to->packed = fc_records_packing(r) != FC_PACKING_NONE;
	fc_records_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct read got;
	struct fc_err e;
	read_all(input_file(p, n, 0), &got);
	if (!got.packed && !(n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))) {
		json_t *all = fc_json_text((const char *)p, n, "input", &e);
		const bool read_as_array = got.array && got.whole && got.all_json;
		if (json_is_array(all) != read_as_array)
			abort();
		if (read_as_array && !json_equal(all, got.values))
			abort();
		json_decref(all);
	}
	json_decref(got.values);
	return 0;
}
