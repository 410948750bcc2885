/* SPDX-License-Identifier: Apache-2.0 */
#include "base/die.h"
#include "base/escape.h"
#include "fc-view/view.h"

enum { PIECE_BYTES = 64 << 10 };

void view_flush(struct view *v)
{
	struct fc_err e;
	if (v->out && fc_out_write(v->out, v->text.p, v->text.n, &e) < 0)
		fc_die("%s", e.msg);
	fc_buf_clear(&v->text);
}

void view_flush_some(struct view *v)
{
	if (v->text.n >= PIECE_BYTES)
		view_flush(v);
}

void view_add_plain(struct fc_buf *b, const char *p, size_t n)
{
	for (size_t i = 0, end; i < n; i = end + 1) {
		for (end = i; end < n && p[end] != '\\'; end++)
			;
		fc_buf_add_escaped(b, p + i, end - i);
		if (end < n)
			fc_buf_adds(b, "\\\\");
	}
}

const char *view_piece(const struct view *v, uint32_t id)
{
	const char *piece = fc_tokenizer_piece(v->tokenizer, id);
	return piece ? piece : "";
}

const char *const view_role_words[] = {"none", "system", "user", "assistant", NULL};
const char *const view_part_words[] = {"content", "template", "turn-end", "bos", NULL};

const char *view_role_name(uint8_t flags)
{
	return view_role_words[FC_TOK_ROLE(flags)];
}

const char *view_part_name(uint8_t flags)
{
	return view_part_words[FC_TOK_PART(flags)];
}
