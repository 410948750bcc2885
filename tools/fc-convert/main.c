/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/par.h"
#include "fc-convert/convert.h"
#include "store/modelfiles.h"

static const char *out, *name, *pre;
static enum convert_type type = CONVERT_SAME;
static enum fc_round rounding;
static uint64_t shard_bytes = 5000000000, seed = 1;
static bool force;

static const char *const type_words[] = {[CONVERT_SAME] = "same",
    [CONVERT_F32] = "f32",
    [CONVERT_F16] = "f16",
    [CONVERT_BF16] = "bf16",
    [CONVERT_Q8_0] = "q8_0",
    [CONVERT_Q4_0] = "q4_0",
    NULL};
_Static_assert(FC_LEN(type_words) == CONVERT_N + 1, "a word each");

static const struct fc_opt own[] = {
    FC_OPT_TEXT('o', "output", FC_OPT_OUT, &out, "PATH",
	"the result: a GGUF file where it ends in .gguf, else a Hugging Face folder"),
    FC_OPT_WORD(
	0, "type", FC_OPT_DECIDES, &type, type_words, "what the matrices become (default: same)"),
    FC_OPT_WORD(0, "rounding", FC_OPT_DECIDES, &rounding, fc_round_words,
	"of a folder's f16 and bf16; stochastic is right on average"),
    FC_OPT_U64(0, "seed", FC_OPT_DECIDES, &seed, "N", "of stochastic rounding (default: 1)"),
    FC_OPT_TEXT(0, "name", FC_OPT_DECIDES, &name, "TEXT", "general.name of the GGUF file"),
    FC_OPT_TEXT(0, "pre", FC_OPT_DECIDES, &pre, "NAME",
	"tokenizer.ggml.pre of the GGUF file, where it can't be told"),
    FC_OPT_U64(0, "shard-bytes", FC_OPT_FORM, &shard_bytes, "N",
	"most bytes of a safetensors file (default: 5000000000)"),
    FC_OPT_FLAG('f', "force", FC_OPT_PASSES, &force, "replace a folder or file that exists"),
    FC_OPT_END,
};
static const struct fc_opt *const tables[] = {own, fc_opt_common, NULL};

static const struct fc_usage usage = {
    .synopsis = "-o FILE.gguf [option...] MODEL\n-o DIR [option...] MODEL",
    .summary = "reads a model, writes it in another format: GGUF or a Hugging Face folder",
};

static void or_die(int ret, const struct fc_err *e)
{
	if (ret < 0)
		fc_die("%s", e->msg);
}

static void write_gguf(const struct convert *c)
{
	struct fc_err e;
	struct fc_out *o;
	or_die(fc_out_open(&o, out, FC_OUT_GGUF, &e), &e);
	fc_note("making a GGUF file, %s", out);
	or_die(convert_to_gguf(c, fc_out_fd(o), out, &e), &e);
	or_die(fc_out_commit(o, &e), &e);
}

static void write_folder(const struct convert *c)
{
	struct fc_err e;
	struct fc_outdir *d;
	or_die(fc_outdir_open(&d, out, force ? &fc_folder_model : NULL, &e), &e);
	fc_note("making a folder with a Hugging Face model, %s%s", out,
	    strchr(fc_path_last(out), '.') ? "; a name that ends in .gguf makes a GGUF file" : "");
	or_die(convert_to_folder(c, fc_outdir_tmp(d), &e), &e);
	or_die(fc_outdir_commit(d, &e), &e);
}

int main(int argc, char **argv)
{
	fc_prog = "fc-convert";
	struct fc_err e;
	const int at = fc_opt_parse(tables, &usage, argc, argv);
	fc_par_start(fc_opt_threads);
	if (argc - at != 1)
		fc_die_usage("expected one model, got %d operands", argc - at);
	if (!out)
		fc_die_usage("-o says where the result goes");
	if (!strcmp(out, "-"))
		fc_die_usage("-o -: a model is no stream; name a file or a folder");
	const bool gguf = fc_ends_with(out, ".gguf") && strcmp(out, ".gguf") != 0;
	if (!gguf && (type == CONVERT_Q8_0 || type == CONVERT_Q4_0))
		fc_die_usage("safetensors has no such type; -o FILE.gguf has");
	if (rounding == FC_ROUND_STOCHASTIC &&
	    (gguf || (type != CONVERT_F16 && type != CONVERT_BF16)))
		fc_die_usage("--rounding stochastic is of a folder with --type f16 or bf16");
	if (gguf && !force && fc_file_exists(out))
		fc_die("%s: exists; -f replaces it", out);
	if (gguf)
		fc_opt_check_output("output", out, FC_OUT_GGUF);
	struct convert c = {.from = argv[at],
	    .type = type,
	    .rounding = {rounding == FC_ROUND_STOCHASTIC, seed},
	    .name = name,
	    .pre = pre,
	    .shard_bytes = shard_bytes};
	or_die(fc_store_open(&c.store, c.from, &e), &e);
	or_die(fc_config_load(&c.config, c.from, &e), &e);
	or_die(fc_config_check_whole(&c.config, c.from, &e), &e);
	if (fc_modelfiles_has_adapter(c.from))
		fc_note(FC_MODELFILES_ADAPTER, c.from);
	if (gguf)
		write_gguf(&c);
	else
		write_folder(&c);
	fc_store_close(c.store);
	fc_config_release(&c.config);
	fc_finish();
}
