/* SPDX-License-Identifier: Apache-2.0 */
/* A chat template, run over a conversation of four messages. */
#include "input.h"

#include "jinja/jinja.h"

static const char vars[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \" Be brief. \"},"
    "{\"role\": \"user\", \"content\": \"H\\u00e9 <b>'q'</b>\\n\"},"
    "{\"role\": \"assistant\", \"content\": \"one two  three\"},"
    "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"x\"}]}],"
    "\"add_generation_prompt\": true, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\","
    "\"x\": 5, \"y\": -3, \"f\": 2.5, \"l\": [3, 1, 2], \"s\": \"Hello World\","
    "\"d\": {\"b\": 1, \"a\": {\"k\": [1, null, true, 1.5]}}, \"n\": null, \"t\": true}";

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static json_t *v;
	struct fc_jinja *j;
	struct fc_jinja_out out = {0};
	struct fc_err e;
	if (!v && !(v = fc_json_text(vars, sizeof vars - 1, "vars", &e)))
		abort();
	if (fc_jinja_compile(&j, (const char *)p, n, "template", &e) < 0)
		return 0;
	const json_t *list = json_object_get(v, "messages"), *const all[] = {v};
	struct fc_jinja_message m[4] = {{0}};
	for (size_t i = 0; i < 4; i++)
		m[i].members = json_array_get(list, i);
	const struct fc_jinja_input in = {all, 1, m, 4, true, 1721995200, false};
	if (fc_jinja_run(j, &in, &out, &e) == 0) {
		uint32_t end = 0;
		for (size_t i = 0; i < out.n; i++) {
			if (out.piece[i].start != end || out.piece[i].end <= end)
				abort();
			end = out.piece[i].end;
		}
		if (end != out.text.n)
			abort();
	}
	fc_jinja_out_release(&out);
	fc_jinja_free(j);
	return 0;
}
