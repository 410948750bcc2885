/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/apply/ledger.h"

const char *const fc_loss_name[FC_N_LOSS] = {
    [FC_LOSS_TAIL] = "tail",
    [FC_LOSS_ENDED] = "ended",
    [FC_LOSS_UNMAPPED] = "unmapped",
    [FC_LOSS_CUT] = "cut",
};
