/* SPDX-License-Identifier: Apache-2.0 */
#include "base/prog.h"

const char *fc_prog = "fc";
bool fc_quiet;
