/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prog.h"

const char *fc_prog = "fc";
const char *fc_prog_label;
bool fc_quiet;
