/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "base/die.h"
#include "fc-view/view.h"

static struct view view;

static const struct fc_opt options[] = {
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "What to print, one of", 0, 0},
    {FC_OPT_FLAG, 0, "header", &view.header, NULL, "what the stream says of itself (default)", 0,
	0},
    {FC_OPT_FLAG, 0, "stats", &view.stats, NULL, "counts, lengths, mass, cross-entropy", 0, 0},
    {FC_OPT_FLAG, 0, "verify", &view.verify, NULL, "read everything, print a verdict", 0, 0},
    {FC_OPT_FLAG, 0, "jsonl", &view.jsonl, NULL, "a JSON object for each record", 0, 0},
    {FC_OPT_FLAG, 0, "tsv", &view.tsv, NULL, "a table with a line for each row", 0, 0},
    {FC_OPT_FLAG, 0, "stream", &view.stream, NULL, "one stream with the records of all files", 0,
	0},
    {FC_OPT_FLAG, 0, "in-turn", &view.in_turn, NULL,
	"with --stream: take a record of each file in turn, which joins shards", 0, 0},
    {FC_OPT_STR, 0, "name", &view.name, "LABEL",
	"with --stream: call the sources of all files this, as one", 0, 0},
    {FC_OPT_FLAG, 0, "fingerprint", &view.fingerprint, NULL,
	"what a header has to say of a model folder or GGUF file", 0, 0},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Which records", 0, 0},
    {FC_OPT_STRS, 0, "id", &view.id, "ID", "only those with this id (several times: any of them)",
	0, 0},
    {FC_OPT_STR, 0, "shard", &view.shard_text, "I/N", "only every Nth of them, from the Ith on", 0,
	0},
    {FC_OPT_U64, 0, "skip", &view.skip, "N", "leave out the first N of them", 0, 0},
    {FC_OPT_U64, 'n', "records", &view.limit, "N", "at most N of them (0: all)", 0, 0},
    {FC_OPT_HEAD, 0, NULL, NULL, NULL, "Output", 0, 0},
    {FC_OPT_OUT, 'o', "output", &view.output, "FILE", "instead of standard output", 0, 0},
    {FC_OPT_IN, 't', "tokenizer", &view.tokenizer_dir, "DIR",
	"model folder or tokenizer.json that spells the tokens out, or checks them", 0, 0},
    FC_OPT_NO_HISTORY,
    FC_OPT_COMMON,
    {0},
};

static const struct fc_usage usage = {
    .synopsis = "[options] [STREAM...]\n"
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
	int first = fc_opt_parse(options, &usage, argc, argv);
	int n_mode = view.header + view.stats + view.verify + view.jsonl + view.tsv + view.stream +
	    view.fingerprint;
	if (n_mode > 1)
		fc_die_usage(
		    "only one of --header --stats --verify --jsonl --tsv --stream --fingerprint");
	bool selects = view.id.n || view.skip || view.limit || view.shard_text;
	if (selects && (n_mode == 0 || view.header || view.verify || view.fingerprint))
		fc_die_usage(
		    "--id, --shard, --skip and -n choose records for --stats, --jsonl, --tsv and "
		    "--stream");
	if (fc_shard_parse(&view.shard, view.shard_text, &e) < 0)
		fc_die_usage("--shard: %s", e.msg);
	if (view.name && !view.stream)
		fc_die_usage("--name goes with --stream");
	if (view.in_turn && (!view.stream || selects))
		fc_die_usage("--in-turn goes with --stream, and takes all records");
	if (view.fingerprint && argc - first != 1)
		fc_die_usage("--fingerprint is of one model folder, tokenizer.json or GGUF file");
	static char *standard_input[] = {"-"};
	view.path = first < argc ? argv + first : standard_input;
	view.n_path = first < argc ? argc - first : 1;

	fc_opt_check_output("output", view.output, view.stream ? FC_OUT_STREAM : FC_OUT_TEXT);
	if (view.tokenizer_dir && !view.jsonl && !view.tsv && !view.verify)
		fc_die_usage("--tokenizer goes with --verify, --jsonl and --tsv");
	if (view.tokenizer_dir && fc_tokenizer_open(&view.tokenizer, view.tokenizer_dir, &e) < 0)
		fc_die("%s", e.msg);
	if (view.stream) {
		view_stream(&view);
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
