/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/ledger.h"

const char *const align_loss_name[ALIGN_N_LOSS] = {
    [ALIGN_LOSS_TAIL] = "tail",
    [ALIGN_LOSS_ENDED] = "ended",
    [ALIGN_LOSS_UNMAPPED] = "unmapped",
    [ALIGN_LOSS_NO_TOKEN] = "ids without a token",
    [ALIGN_LOSS_CUT] = "cut",
};
