/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_MODELPATH_H
#define FC_STORE_MODELPATH_H

#include "base/err.h"

/* Refuses what was named as a model and can be none, and says what it is: a path that is not there
 * (a name of a hub, from which nothing is fetched), a folder without anything of a model, an empty
 * file, conversations.  A file of configuration or tokenizer passes. */
int fc_modelpath_check(const char *path, struct fc_err *e);

/* Refuses, as fc_modelpath_check(), what cannot be a file of safetensors weights: JSON and
 * compressed files are called by what they are (safetensors.c knows PyTorch's). */
int fc_modelpath_check_weights(const char *path, struct fc_err *e);

#endif
