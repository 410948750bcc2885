/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_MODEL_FIELDS_H
#define FC_MODEL_FIELDS_H

#include "base/err.h"
#include "text/json.h"

/* An object of config.json that is being read, with what to call it in messages. */
struct fc_fields {
	const json_t *o;
	const char *where; /* the file, or the file and the key the object is under */
	struct fc_err *e;
};

/* There and not null. */
bool fc_fields_has(const struct fc_fields *s, const char *key);
/* An integer from min to max; def, which may lie outside, where it is missing. */
int fc_fields_natural(
    const struct fc_fields *s, const char *key, int64_t def, int64_t min, int64_t max, size_t *out);
/* A size from 1 to max; missing is an error unless there is a default, which is not 0. */
int fc_fields_size(
    const struct fc_fields *s, const char *key, size_t def, int64_t max, size_t *out);
/* A number above 0 and below 10^30; *out is left alone where it is missing. */
int fc_fields_positive(const struct fc_fields *s, const char *key, double *out);
/* *out is left alone where it is missing. */
int fc_fields_flag(const struct fc_fields *s, const char *key, bool *out);
/* The feature behind this flag is one we do not have. */
int fc_fields_refuse(const struct fc_fields *s, const char *key);

#endif
