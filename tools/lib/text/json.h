/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TEXT_JSON_H
#define FC_TEXT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h> /* the one door; json_t is used as it is everywhere else */

#include "base/buf.h"
#include "base/err.h"

/* Ceilings in bytes, told in the message: of lists (tokenizer.json, of which Gemma's has 33 MB;
 * model.safetensors.index.json, 18 MB for 200,000 tensors), and of what is named *config.json, of
 * which the largest published is tokenizer_config.json with 1 MB. */
#define FC_JSON_FILE_MAX ((size_t)256 << 20)
#define FC_JSON_CONFIG_MAX ((size_t)16 << 20)

/* New reference, or NULL with a message that names the file, line and column. */
json_t *fc_json_file(const char *path, struct fc_err *e);
/* Integers that 64 bits cannot hold become reals.
 * name: what to call the text in messages, e.g. "chats.jsonl:17"; they name the column, and the
 * line from the second on. */
json_t *fc_json_text(const char *p, size_t n, const char *name, struct fc_err *e);

/*
 * Members of an object with a type.  A missing member gives the default (no error); one of another
 * type is an error that names it ("config.json: hidden_size: expected an integer").  null counts
 * as missing.  where: the file's name for messages.
 */
int fc_json_int(const json_t *o, const char *key, int64_t def, int64_t *out, const char *where,
    struct fc_err *e);
int fc_json_real(
    const json_t *o, const char *key, double def, double *out, const char *where, struct fc_err *e);
int fc_json_bool(
    const json_t *o, const char *key, bool def, bool *out, const char *where, struct fc_err *e);
/* *out is borrowed from o. */
int fc_json_str(const json_t *o, const char *key, const char *def, const char **out,
    const char *where, struct fc_err *e);

/* Appends p as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void fc_json_quote(struct fc_buf *b, const char *p, size_t n);
/* Appends a compact dump of v, keys in insertion order. */
void fc_json_dump(struct fc_buf *b, const json_t *v);
/* Digits, of 15 to 17, with which every real number in v is read back as it is: 0.1 stays 0.1. */
int fc_json_digits(const json_t *v);

#endif
