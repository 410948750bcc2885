/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_ALIGN_CORPUS_H
#define FC_ALIGN_CORPUS_H

#include "fc-align/vocab/cutter.h"

/* Conversations as the pivot's tokens, from JSONL files or from streams of any tokenizer. */
struct align_corpus;
/*
 * paths: files of one kind, read one after the other; none: standard input.  stream: they are
 * token or distribution streams; else conversations, rendered with the template of `pivot` or the
 * Jinja file `template_file` (NULL: none), and cut by `cut`; a stream says its own.  cutter: the
 * pivot's; borrowed, as is paths.
 */
int align_corpus_open(struct align_corpus **c, const char *const *paths, int n_paths, bool stream,
    const char *pivot, const char *template_file, enum fc_text_cut cut,
    const struct align_cutter *cutter, struct fc_err *e);
/* 1: x has text, segments and the pivot's tokens; 0: end; -1: error. */
int align_corpus_next(struct align_corpus *c, struct fc_example *x, struct fc_err *e);
/* How the conversation that was read last was cut. */
enum fc_text_cut align_corpus_cut(const struct align_corpus *c);
void align_corpus_close(struct align_corpus *c);

#endif
