/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_REPLACE_H
#define FC_BASE_REPLACE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * What an output may take the place of: only what a tool of this suite would have made there.  So a
 * wrong name, with or without --force, costs a message and no data.
 */

/* What a file holds.  What is there already is replaced by content of its own kind only. */
enum fc_out_kind {
	FC_OUT_TEXT,   /* tables, JSON, SVG, HTML: replaces what has no NUL byte at its begin */
	FC_OUT_STREAM, /* replaces a stream; never written to a terminal */
	FC_OUT_GGUF,
	FC_OUT_PNG,
	FC_OUT_JSONL, /* lines that are continued, or begun anew: replaces what begins with '{' */
};

/* -1 where path is a regular file of another kind, a folder, or in none; a file that is absent or
 * empty is of every kind.  NULL and "-" are standard output: -1 where binary content would go to a
 * terminal. */
int fc_replace_file(const char *path, enum fc_out_kind kind, struct fc_err *e);

/* Folders, by the names of their files. */
struct fc_folder_kind {
	const char *noun;         /* "a model" */
	const char *const *names; /* patterns of the files that it may hold, up to NULL */
	const char *const *signs; /* files of which it has at least one, up to NULL */
	const char *sign_begin;   /* bytes that such a file begins with; NULL: any */
};
extern const struct fc_folder_kind fc_folder_model, fc_folder_checkpoint;

/* -1 unless path is absent, an empty folder, or a folder that is of this kind and flat. */
int fc_replace_folder(const char *path, const struct fc_folder_kind *kind, struct fc_err *e);
/* -1 unless a tool has left unfinished work of that kind in path, a hidden folder. */
int fc_replace_unfinished(const char *path, const struct fc_folder_kind *kind, struct fc_err *e);

#endif
