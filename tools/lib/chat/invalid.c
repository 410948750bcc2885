/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/invalid.h"

#include <inttypes.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "text/json.h"

static const char *const words[] = {[FC_INVALID_STOP] = "stop", [FC_INVALID_SKIP] = "skip", NULL};
_Static_assert(FC_LEN(words) == FC_INVALID_RULE_N + 1, "a word each");

/* What one of them is, for the counts, and its name in the file. */
static const struct {
	const char *name, *tells;
} reasons[] = {
    [FC_INVALID_JSON] = {"json", "not JSON"},
    [FC_INVALID_FORM] = {"form", "of no form that is read"},
    [FC_INVALID_MEMBER] = {"member", "with members that are not as they should be"},
    [FC_INVALID_RENDERED] = {"rendered", "that the chat template or the tokenizer refuses"},
};
_Static_assert(FC_LEN(reasons) == FC_INVALID_N, "a name each");

struct fc_invalid fc_invalid_asked;

const struct fc_opt fc_invalid_options[] = {
    FC_OPT_WORD(0, "invalid", FC_OPT_DECIDES, &fc_invalid_asked.rule, words,
	"what to do with a line that is no conversation"),
    FC_OPT_TEXT(0, "invalid-file", FC_OPT_OUT_TEXT, &fc_invalid_asked.file, "FILE",
	"with --invalid skip: what was left out, with its place and the reason (JSONL)"),
    FC_OPT_END,
};

static struct {
	uint64_t n[FC_INVALID_N], n_all, n_valid;
	char first[sizeof((struct fc_err *)0)->msg];
	struct fc_out *out; /* opened for the first one, or at the end */
} counted;

void fc_invalid_check(void)
{
	if (fc_invalid_asked.file && fc_invalid_asked.rule != FC_INVALID_SKIP)
		fc_die_usage("--invalid-file is for what --invalid skip leaves out");
}

static int open_file(struct fc_err *e)
{
	if (counted.out || !fc_invalid_asked.file)
		return 0;
	return fc_out_open(&counted.out, fc_invalid_asked.file, FC_OUT_TEXT, e);
}

static int write_line(enum fc_invalid_reason reason, struct fc_records *r, const char *p, size_t n,
    const struct fc_err *why, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	const char *name = fc_records_name(r);
	if (open_file(e) < 0)
		return -1;
	if (!counted.out)
		return 0;
	fc_buf_adds(&b, "{\"file\":");
	fc_json_quote(&b, name, strlen(name));
	fc_buf_addf(&b, ",\"%s\":%" PRIu64 ",\"reason\":\"%s\",\"message\":",
	    fc_records_is_array(r) ? "element" : "line", fc_records_number(r),
	    reasons[reason].name);
	fc_json_quote(&b, why->msg, strlen(why->msg));
	fc_buf_adds(&b, ",\"text\":");
	fc_json_quote(&b, p, n);
	fc_buf_adds(&b, "}\n");
	const int ret = fc_out_write(counted.out, b.p, b.n, e);
	fc_buf_release(&b);
	return ret;
}

int fc_invalid_add(enum fc_invalid_reason reason, struct fc_records *r, const char *p, size_t n,
    const struct fc_err *why, struct fc_err *e)
{
	if (fc_invalid_asked.rule == FC_INVALID_STOP) {
		*e = *why;
		return -1;
	}
	if (!counted.n_all)
		memcpy(counted.first, why->msg, sizeof counted.first);
	counted.n[reason]++;
	counted.n_all++;
	if (reason == FC_INVALID_RENDERED && counted.n_valid)
		counted.n_valid--; /* it was read before */
	return write_line(reason, r, p, n, why, e);
}

void fc_invalid_add_valid(void)
{
	counted.n_valid++;
}

uint64_t fc_invalid_count(void)
{
	return counted.n_all;
}

static void tell(void)
{
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < FC_INVALID_N; i++)
		if (counted.n[i])
			fc_buf_addf(&b, "%s%" PRIu64 " %s", b.n ? ", " : "", counted.n[i],
			    reasons[i].tells);
	fc_warn("%" PRIu64 " lines were left out: %s%s%s", counted.n_all, b.p,
	    fc_invalid_asked.file ? "; they are in " : "; the first: ",
	    fc_invalid_asked.file ? fc_invalid_asked.file : counted.first);
	fc_buf_release(&b);
}

int fc_invalid_finish(struct fc_err *e)
{
	if (fc_invalid_asked.rule != FC_INVALID_SKIP)
		return 0;
	if (counted.n_all)
		tell();
	if (open_file(e) < 0)
		return -1;
	struct fc_out *out = counted.out;
	counted.out = NULL;
	if (out && fc_out_commit(out, e) < 0)
		return -1;
	if (counted.n_all && !counted.n_valid)
		return fc_fail(e, "no line is a conversation; the first: %s", counted.first);
	return 0;
}
