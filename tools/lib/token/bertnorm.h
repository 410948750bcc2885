/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_TOKEN_BERTNORM_H
#define FC_TOKEN_BERTNORM_H

#include "token/aligned.h"
#include "token/charsmap.h"

/* Normalizers of tokenizer.json that go by lists of characters; each appends the new text to b. */

/* BertNormalizer's clean_text: control characters go, white space becomes " ". */
void fc_bertnorm_clean(const struct fc_aligned *text, struct fc_alignbuf *b);
/* Its handle_chinese_chars: " " before and behind every ideograph. */
void fc_bertnorm_ideographs(const struct fc_aligned *text, struct fc_alignbuf *b);
/* Nmt. */
void fc_nmtnorm_run(const struct fc_aligned *text, struct fc_alignbuf *b);
/* Precompiled: SentencePiece's map, but used as Hugging Face does: a grapheme cluster of less than
 * 6 bytes that begins with a string of the map is replaced as a whole, others character by
 * character. */
void fc_precompiled_run(
    const struct fc_charsmap *map, const struct fc_aligned *text, struct fc_alignbuf *b);

#endif
