/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "base/die.h"
#include "base/par.h"
#include "fc-view/view.h"

static struct view view;

static const struct fc_opt options[] = {
    FC_OPT_HEAD("What to print, one of"),
    FC_OPT_FLAG(
	0, "header", FC_OPT_DECIDES, &view.header, "what the stream says of itself (default)"),
    FC_OPT_FLAG(0, "stats", FC_OPT_DECIDES, &view.stats, "counts, lengths, mass, cross-entropy"),
    FC_OPT_FLAG(0, "verify", FC_OPT_DECIDES, &view.verify, "read everything, print a verdict"),
    FC_OPT_FLAG(0, "jsonl", FC_OPT_DECIDES, &view.jsonl, "a JSON object for each record"),
    FC_OPT_FLAG(0, "whole", FC_OPT_DECIDES, &view.whole,
	"with --jsonl: the header, too, and the bytes of tensors, so that nothing is missing"),
    FC_OPT_FLAG(0, "tsv", FC_OPT_DECIDES, &view.tsv, "a table with a line for each row"),
    FC_OPT_FLAG(
	0, "stream", FC_OPT_DECIDES, &view.stream, "one stream with the records of all files"),
    FC_OPT_FLAG(0, "in-turn", FC_OPT_PART, &view.in_turn,
	"with --stream: take a record of each file in turn, which joins shards"),
    FC_OPT_TEXT(0, "name", FC_OPT_DECIDES, &view.name, "LABEL",
	"with --stream: call the sources of all files this, as one"),
    FC_OPT_FLAG(0, "from-jsonl", FC_OPT_DECIDES, &view.from_jsonl,
	"a stream of the lines that --jsonl --whole prints"),
    FC_OPT_FLAG(0, "fingerprint", FC_OPT_DECIDES, &view.fingerprint,
	"what a header has to say of a model folder or GGUF file"),
    FC_OPT_HEAD("Which records"),
    FC_OPT_TEXTS(0, "id", FC_OPT_DECIDES, &view.id, "ID",
	"only those with this id (several times: any of them)"),
    FC_OPT_TEXT(0, "shard", FC_OPT_PART, &view.shard_text, "I/N",
	"only every Nth of them, from the Ith on"),
    FC_OPT_U64(0, "skip", FC_OPT_DECIDES, &view.skip, "N", "leave out the first N of them"),
    FC_OPT_U64('n', "records", FC_OPT_DECIDES, &view.limit, "N", "at most N of them (0: all)"),
    FC_OPT_HEAD("Output"),
    FC_OPT_TEXT('o', "output", FC_OPT_OUT, &view.output, "FILE", "instead of standard output"),
    FC_OPT_TEXT('t', "tokenizer", FC_OPT_IN, &view.tokenizer_dir, "DIR",
	"model folder or tokenizer.json that spells the tokens out, or checks them"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {options, fc_opt_stream, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "[options] [STREAM...]\n"
		"--from-jsonl [options] [LINES.jsonl...]\n"
		"--fingerprint MODEL",
    .summary = "Shows, checks, cuts and joins the streams of the fc tools.",
    .more = "Examples: fc-view --stats a.fcs\n"
	    "          fc-infer -m pivot chats.jsonl | fc-view --jsonl | head -n 1\n"
	    "          fc-view --stream -n 100 -o head.fcs a.fcs",
};

int main(int argc, char **argv)
{
	fc_prog = "fc-view";
	struct fc_err e;
	int first = fc_opt_parse(tables, &usage, argc, argv);
	fc_par_start(fc_opt_threads);
	int n_mode = view.header + view.stats + view.verify + view.jsonl + view.tsv + view.stream +
	    view.fingerprint + view.from_jsonl;
	if (n_mode > 1)
		fc_die_usage(
		    "only one of --header --stats --verify --jsonl --tsv --stream --from-jsonl "
		    "--fingerprint");
	bool selects = view.id.n || view.skip || view.limit || view.shard_text;
	if (selects &&
	    (n_mode == 0 || view.header || view.verify || view.fingerprint || view.from_jsonl))
		fc_die_usage(
		    "--id, --shard, --skip and -n choose records for --stats, --jsonl, --tsv and "
		    "--stream");
	if (fc_shard_parse(&view.shard, view.shard_text, &e) < 0)
		fc_die_usage("--shard: %s", e.msg);
	if (view.whole && !view.jsonl)
		fc_die_usage("--whole goes with --jsonl");
	if (view.name && !view.stream)
		fc_die_usage("--name goes with --stream");
	if (view.in_turn && (!view.stream || selects))
		fc_die_usage("--in-turn goes with --stream, and takes all records");
	if (view.fingerprint && argc - first != 1)
		fc_die_usage("--fingerprint is of one model folder, tokenizer.json or GGUF file");
	static char *standard_input[] = {"-"};
	view.path = first < argc ? argv + first : standard_input;
	view.n_path = first < argc ? argc - first : 1;

	fc_opt_check_output(
	    "output", view.output, view.stream || view.from_jsonl ? FC_OUT_STREAM : FC_OUT_TEXT);
	if (view.tokenizer_dir && !view.jsonl && !view.tsv && !view.verify && !view.from_jsonl)
		fc_die_usage("--tokenizer goes with --verify, --jsonl, --tsv and --from-jsonl");
	if (view.tokenizer_dir && fc_tokenizer_open(&view.tokenizer, view.tokenizer_dir, &e) < 0)
		fc_die("%s", e.msg);
	if (view.stream || view.from_jsonl) {
		(view.stream ? view_stream : view_from_jsonl)(&view);
		fc_finish();
	}
	if (fc_out_open(&view.out, view.output, FC_OUT_TEXT, &e) < 0)
		fc_die("%s", e.msg);
	if (view.stats)
		view_stats(&view);
	else if (view.verify)
		view_verify(&view);
	else if (view.jsonl)
		view_jsonl(&view);
	else if (view.tsv)
		view_tsv(&view);
	else if (view.fingerprint)
		view_fingerprint(&view);
	else
		view_header(&view);
	view_flush(&view);
	fc_tokenizer_free(view.tokenizer);
	if (fc_out_commit(view.out, &e) < 0)
		fc_die("%s", e.msg);
	fc_finish();
}
