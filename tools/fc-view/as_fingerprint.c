/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/chat.h"
#include "fc-view/view.h"
#include "store/store.h"
#include "token/tokenizer.h"

/* --fingerprint: what the header of a stream says of a model, for those who write streams. */

static bool has_file(const char *dir, const char *name)
{
	char *path = fc_path_join(dir, name);
	bool has = fc_file_exists(path);
	free(path);
	return has;
}

/* A folder or a GGUF file; a tokenizer.json stands for itself. */
static bool has_weights(const char *path)
{
	struct stat st;
	char *gguf = fc_store_gguf_path(path);
	bool has = gguf != NULL;
	free(gguf);
	if (!has && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		has = has_file(path, "model.safetensors") ||
		    has_file(path, "model.safetensors.index.json");
	return has;
}

static void add_print(struct fc_buf *b, const char *key, uint64_t value)
{
	fc_buf_addf(b, "%s=%016" PRIx64 "\n", key, value);
}

void view_fingerprint(struct view *v)
{
	struct fc_err e;
	const char *path = v->path[0];
	struct fc_tokenizer *t;
	struct fc_chat *chat;
	struct fc_store *store;
	if (fc_tokenizer_open(&t, path, &e) < 0)
		fc_die("%s", e.msg);
	add_print(&v->text, "tokenizer", fc_tokenizer_fingerprint(t));
	fc_buf_addf(&v->text, "n_vocab=%zu\n", fc_tokenizer_n_vocab(t));
	fc_tokenizer_free(t);
	if (fc_chat_open_own(&chat, path, &e) < 0)
		fc_die("%s", e.msg);
	if (!chat)
		fc_note("%s has no chat template", path);
	add_print(&v->text, "template", chat ? fc_chat_hash(chat) : 0);
	fc_chat_free(chat);
	if (!has_weights(path))
		return;
	if (fc_store_open(&store, path, &e) < 0)
		fc_die("%s", e.msg);
	add_print(&v->text, "model", fc_store_fingerprint(store));
	fc_store_close(store);
}
