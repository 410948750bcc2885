/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_MODEL_FILES_H
#define FC_VARM_MODEL_FILES_H

#include "base/err.h"

/*
 * Copies what stands beside the weights (configuration, tokenizer, chat template, licence; see
 * store/modelfiles.h) from the pivot's folder; a note names what else is there.  A GGUF file gives
 * its configuration; a single file of safetensors and a stream give nothing.
 */
int varm_model_files_copy(const char *from, const char *to, struct fc_err *e);

#endif
