/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_CONVERT_SPMMERGE_H
#define FC_CONVERT_SPMMERGE_H

#include <stddef.h>
#include <stdint.h>

#include "text/json.h"

/*
 * The merges that SentencePiece's scores stand for, appended to list as pairs: every way to make a
 * normal piece from two others, better scores first (transformers, convert_slow_tokenizer.py:
 * generate_merges).
 */
void convert_spmmerge_list(
    char *const *text, const uint8_t *kind, const float *score, size_t n, json_t *list);

#endif
