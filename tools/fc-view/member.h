/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VIEW_MEMBER_H
#define FC_VIEW_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "text/json.h"

/*
 * Members of a JSON object that came from outside.  Every function returns -1 with a message that
 * names the line, the member and what is expected there: "a.jsonl:3: rows[2].ids[0]: a whole number
 * from 0 to 511 is expected, this is \"x\"".  Where a member is missing, those called get leave
 * *v as it is, those called need fail.
 */
struct view_place {
	const char *line; /* "a.jsonl:3" */
	const char *list; /* "rows" and the index, where the object is in a list; or NULL */
	size_t i;
};
int view_member_fail(const struct view_place *at, const char *key, const json_t *v,
    const char *expected, struct fc_err *e);
/* Refuses members that are none of names, which ends in NULL. */
int view_member_check_names(
    const struct view_place *at, const json_t *o, const char *const *names, struct fc_err *e);

int view_member_get_whole(const struct view_place *at, const json_t *o, const char *key,
    uint64_t most, uint64_t *v, struct fc_err *e);
int view_member_need_whole(const struct view_place *at, const json_t *o, const char *key,
    uint64_t most, uint64_t *v, struct fc_err *e);
int view_member_get_u32(const struct view_place *at, const json_t *o, const char *key,
    uint32_t most, uint32_t *v, struct fc_err *e);
int view_member_get_real(
    const struct view_place *at, const json_t *o, const char *key, double *v, struct fc_err *e);
/* true, false, 1 or 0 */
int view_member_get_truth(
    const struct view_place *at, const json_t *o, const char *key, bool *v, struct fc_err *e);
/* *v is borrowed from o; without NUL bytes. */
int view_member_get_text(const struct view_place *at, const json_t *o, const char *key,
    const char **v, struct fc_err *e);
/* Appends the bytes of a string of base64. */
int view_member_get_bytes(const struct view_place *at, const json_t *o, const char *key,
    struct fc_buf *b, struct fc_err *e);
/* 16 hexadecimal digits, as fc-view prints them. */
int view_member_get_print(
    const struct view_place *at, const json_t *o, const char *key, uint64_t *v, struct fc_err *e);
/* One of words, which ends in NULL: its index. */
int view_member_get_word(const struct view_place *at, const json_t *o, const char *key,
    const char *const *words, unsigned *v, struct fc_err *e);
/* *v is borrowed from o, NULL where it is missing. */
int view_member_get_list(const struct view_place *at, const json_t *o, const char *key,
    const json_t **v, struct fc_err *e);
/* Item i of the list that is the member key. */
int view_item_whole(const struct view_place *at, const char *key, const json_t *list, size_t i,
    uint64_t most, uint32_t *v, struct fc_err *e);
int view_item_word(const struct view_place *at, const char *key, const json_t *list, size_t i,
    const char *const *words, unsigned *v, struct fc_err *e);
int view_item_truth(const struct view_place *at, const char *key, const json_t *list, size_t i,
    bool *v, struct fc_err *e);

#endif
