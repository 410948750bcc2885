/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/opt.h"
#include "fc-eval/command_list.h"
#include "fc-eval/eval.h"
#include "fc-eval/measure/task.h"
#include "text/json.h"
#include "text/records.h"

struct options {
	const char *delimiter, *out;
	bool chat, unconditional;
};

/* A line that asks for the likelihood of one choice; unconditional: without the context. */
static void add_line(struct fc_buf *b, const struct options *o, const struct eval_task *t, size_t i,
    bool unconditional)
{
	const struct eval_choice *c = &t->choice[i];
	fc_buf_adds(b, "{\"id\":");
	struct fc_buf id = FC_BUF_INIT, text = FC_BUF_INIT;
	fc_buf_addf(&id, "%s/%zu%s", t->id, i, unconditional ? "/alone" : "");
	fc_json_quote(b, id.p, id.n);
	fc_buf_release(&id);
	if (o->chat) {
		fc_buf_adds(b, ",\"messages\":[{\"role\":\"user\",\"content\":");
		fc_json_quote(b, t->context, strlen(t->context));
		fc_buf_adds(b, "},{\"role\":\"assistant\",\"content\":");
		fc_json_quote(b, c->text, c->n_bytes);
		fc_buf_adds(b, "}]");
	} else {
		if (!unconditional) {
			fc_buf_adds(b, ",\"context\":");
			fc_json_quote(b, t->context, strlen(t->context));
			fc_buf_adds(&text, o->delimiter);
		}
		fc_buf_add(&text, c->text, c->n_bytes);
		fc_buf_adds(b, ",\"text\":");
		fc_json_quote(b, text.p, text.n);
		fc_buf_release(&text);
	}
	fc_buf_adds(b, ",\"mc\":{\"task\":");
	fc_json_quote(b, t->id, strlen(t->id));
	fc_buf_addf(b,
	    ",\"choice\":%zu,\"choices\":%zu,\"gold\":%zu,\"chars\":%zu,\"bytes\":%zu,"
	    "\"alone\":%s}",
	    i, t->n_choice, t->gold, c->n_chars, c->n_bytes, unconditional ? "true" : "false");
	if (json_object_size(t->extra)) {
		const size_t at = b->n;
		fc_json_dump(b, t->extra);
		b->p[at] = ','; /* was the extra object's "{"; its "}" closes the line's */
	} else {
		fc_buf_addc(b, '}');
	}
	fc_buf_addc(b, '\n');
}

static int write_choices(
    struct fc_records *in, struct fc_out *out, const struct options *o, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	char *p;
	size_t n;
	int got;
	while ((got = fc_records_next(in, &p, &n, e)) == 1) {
		struct eval_task t;
		got = eval_task_parse(&t, p, n, fc_records_number(in), fc_records_where(in), e);
		if (got < 0)
			break;
		fc_buf_clear(&b);
		for (size_t k = 0; k < (o->unconditional ? 2 : 1); k++)
			for (size_t i = 0; i < t.n_choice; i++)
				add_line(&b, o, &t, i, k);
		eval_task_release(&t);
		got = fc_out_write(out, b.p, b.n, e);
		if (got < 0)
			break;
	}
	fc_buf_release(&b);
	return got;
}

static struct options asked = {.delimiter = " "};

static const struct fc_opt own[] = {
    FC_OPT_TEXT(
	0, "delimiter", FC_OPT_DECIDES, &asked.delimiter, "TEXT", "between context and choice"),
    FC_OPT_FLAG(0, "chat", FC_OPT_DECIDES, &asked.chat,
	"ask as conversations, which have a template, not as text"),
    FC_OPT_FLAG(0, "unconditional", FC_OPT_DECIDES, &asked.unconditional,
	"ask for each choice without context too, for mutual information"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT_TEXT, &asked.out, "FILE", "instead of standard output"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[OPTION]... [TASKS]",
    .summary = "Reads multiple-choice tasks (JSONL), writes a line for every choice, for "
	       "fc-infer.",
    .more = "Example: fc-eval mc-questions tasks.jsonl | fc-infer -m pivot | fc-eval mc",
};

static void run(int argc, char **argv)
{
	struct options o = asked;
	struct fc_err e;
	struct fc_records *in;
	struct fc_out *out;
	if (argc > 1)
		fc_die_usage("at most one file of tasks");
	if (o.chat && o.unconditional)
		fc_die_usage("--unconditional is for texts: a conversation needs its question");
	if (fc_records_open(&in, argc > 0 ? argv[0] : "-", &e) < 0 ||
	    fc_out_open(&out, o.out, FC_OUT_TEXT, &e) < 0 || write_choices(in, out, &o, &e) < 0 ||
	    fc_out_commit(out, &e) < 0)
		fc_die("%s", e.msg);
	fc_records_close(in);
	fc_finish();
}

EVAL_COMMAND(40) = {"mc-questions", tables, &usage, run};
