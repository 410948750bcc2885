/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_BASE_FILE_H
#define FC_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/replace.h"

/* Opens a regular file for reading: the descriptor, or -1.  Anything else, as a pipe, which might
 * never end or never begin, is refused at once. */
int fc_file_open(const char *path, size_t *n_bytes, struct fc_err *e);
/* Reads a whole regular file; refuses more than max_bytes.  path "-" is standard input. */
int fc_file_read(const char *path, size_t max_bytes, struct fc_buf *out, struct fc_err *e);
/* Reads a whole file whose path a person gave: it may be a pipe, as <(command) is. */
int fc_file_read_any(const char *path, size_t max_bytes, struct fc_buf *out, struct fc_err *e);
/* A link that leads nowhere exists: what is optional and opened then is an error, and not absent.
 */
bool fc_file_exists(const char *path);

/* "dir/name", the caller's to free(). */
char *fc_path_join(const char *dir, const char *name);
/* What follows the last slash of a path, in it. */
const char *fc_path_last(const char *path);
/* The last part of a path, of "a/b/" b; the caller's to free(). */
char *fc_path_name(const char *path);
/* The last part of a path without that ending: "run/a.jsonl" -> "a"; the caller's to free(). */
char *fc_path_stem(const char *path, const char *ending);

/* A file mapped for reading.  p is NULL for an empty file. */
struct fc_mapped {
	const void *p;
	size_t n_bytes;
};
int fc_mapped_open(struct fc_mapped *m, const char *path, struct fc_err *e);
void fc_mapped_close(struct fc_mapped *m);

/*
 * An output that appears under its name complete or not at all: data go to a file without a name in
 * the same folder, or where the file system has no such files, to ".NAME.PID.tmp" there; commit
 * syncs it and gives it its name.  path NULL or "-" is standard output.  fc_die(), exit() and the
 * signals of base/ending.h remove what was not committed; a killed process leaves at most the
 * temporary, never the name.  Outputs are opened, committed and aborted by the main thread.
 */
struct fc_out;
/* Refused where what is there is of another kind (base/replace.h). */
int fc_out_open(struct fc_out **o, const char *path, enum fc_out_kind kind, struct fc_err *e);
/* The first keep_bytes of the file, which need not exist, stay; what is written goes behind them at
 * once, and stays there whatever happens later.  Refused while another process does the same. */
int fc_out_append(struct fc_out **o, const char *path, size_t keep_bytes, struct fc_err *e);
/* Appends, as fc_out_append(), to the file that fc_tmpname_partial() says for path, which gets
 * path's name when it is committed.  Refused where path is no regular file. */
int fc_out_resume(struct fc_out **o, const char *path, enum fc_out_kind kind, size_t keep_bytes,
    struct fc_err *e);
int fc_out_fd(const struct fc_out *o);
const char *fc_out_name(const struct fc_out *o); /* for messages: the path or "standard output" */
int fc_out_write(struct fc_out *o, const void *p, size_t n, struct fc_err *e);
/* Syncs, renames and frees, o also on failure.  What is there by now is looked at again: where it
 * may not be replaced, or the renaming fails, the temporary stays, and the message says where. */
int fc_out_commit(struct fc_out *o, struct fc_err *e);
void fc_out_abort(struct fc_out *o); /* removes the temporary and frees; NULL is fine */
/* Opens, writes all of b, commits. */
int fc_out_whole(const char *path, enum fc_out_kind kind, const struct fc_buf *b, struct fc_err *e);

/*
 * A folder with the same promise: files are made in a temporary folder beside it, commit syncs
 * them all and renames the folder.  An existing folder of that name is refused, unless replace is
 * given and it is one of that kind: then it is exchanged with the new one in one step and removed
 * after.
 */
struct fc_outdir;
int fc_outdir_open(
    struct fc_outdir **d, const char *path, const struct fc_folder_kind *replace, struct fc_err *e);
/*
 * Opens a folder for work that may be interrupted: the temporary folder is ".NAME.part", which a
 * killed process leaves.  With resume, what is in it stays (*resumed: there was one), and stays
 * also when the work fails; else it is emptied.  Refused while another process has it, and where it
 * holds what no unfinished model does.
 */
int fc_outdir_open_part(struct fc_outdir **d, const char *path,
    const struct fc_folder_kind *replace, bool resume, bool *resumed, struct fc_err *e);
const char *fc_outdir_tmp(const struct fc_outdir *d); /* where to create the files */
/* Syncs, renames and frees d as fc_out_commit() does a file. */
int fc_outdir_commit(struct fc_outdir *d, struct fc_err *e);
void fc_outdir_abort(struct fc_outdir *d);

/* Writes all of it, resuming after signals and short writes. */
int fc_write_all(int fd, const void *p, size_t n, const char *name, struct fc_err *e);
int fc_pwrite_all(
    int fd, const void *p, size_t n, size_t offset, const char *name, struct fc_err *e);
/*
 * For large files that are synced at the end: called after n more bytes were written to fd, asks
 * the system now and then to begin with what it holds, so that the sync finds little left to do.
 * *written starts at 0 and counts the bytes, from any number of threads.
 */
void fc_write_behind(int fd, size_t n, _Atomic size_t *written);
/* Copies the file from/name to to/name; a missing source file is no error unless required. */
int fc_file_copy(
    const char *from_dir, const char *to_dir, const char *name, bool required, struct fc_err *e);

#endif
