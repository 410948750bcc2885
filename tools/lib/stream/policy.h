/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STREAM_POLICY_H
#define FC_STREAM_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "text/json.h"

/*
 * Which model gave the answers of a conversation, its policy: the member "answered_by" of the line,
 * which fc-infer --generate writes and which travels with the line's other members in every stream
 * that is made of it: {"model": "0123456789abcdef", "round": 2}.  "model" is a fingerprint, or
 * "several" where answers of other models were there already, and where it is not known which it
 * was.
 */
#define FC_POLICY_MEMBER "answered_by"
struct fc_policy {
	uint64_t model;
	uint32_t round; /* how many trainings lie behind the model, see store/lineage.h */
	bool several;
};

/* Reads the policy among a line's members.  1: *p is filled in, 0: there is none, -1: one that is
 * nobody's. */
int fc_policy_read(const json_t *members, struct fc_policy *p, struct fc_err *e);
/* Reads as fc_policy_read() does, from the members as JSON text (n may be 0). */
int fc_policy_parse(const char *json, size_t n, struct fc_policy *p, struct fc_err *e);
bool fc_policy_equal(const struct fc_policy *a, const struct fc_policy *b);
/* Says in the line's members that p answered in it; -1: what is there is nobody's. */
int fc_policy_add(json_t *members, const struct fc_policy *p, struct fc_err *e);

/* A fingerprint as it is printed, 16 hexadecimal digits; false: it is none. */
bool fc_policy_fingerprint(const char *text, uint64_t *v);

#endif
