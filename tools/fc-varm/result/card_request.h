/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_CARD_REQUEST_H
#define FC_VARM_CARD_REQUEST_H

#include "fc-varm/merge/merge.h"
#include "fc-varm/request/inputs.h"

/* The card of a merge asked for by options, with a recipe that makes the same weights from models
 * of these names. */
int varm_card_request_write(const char *dir, const struct inputs *in, const struct request *q,
    const struct plan *p, const struct verdicts *r, struct fc_err *e);

#endif
