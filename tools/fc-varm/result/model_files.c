/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/model_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/die.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/model_copy.h"
#include "store/gguf_hf.h"
#include "store/modelfiles.h"
#include "store/store.h"
#include "text/json_write.h"

/* A GGUF file's metadata say what config.json would. */
static int write_config(const char *gguf, const char *to, struct fc_err *e)
{
	struct fc_gguf *g;
	char *path = fc_path_join(to, "config.json");
	int ret = fc_gguf_open(&g, gguf, e);
	json_t *config = ret == 0 ? fc_gguf_config(g, e) : NULL;
	ret = config ? fc_json_write(path, config, e) : -1;
	json_decref(config);
	fc_gguf_close(g);
	free(path);
	return ret;
}

static int copy_files(const char *from, const char *to, struct fc_err *e)
{
	struct fc_buf left = FC_BUF_INIT;
	int ret = fc_model_copy(from, to,
	    FC_MODELFILES_CONFIG | FC_MODELFILES_TOKENIZER | FC_MODELFILES_OTHER, &left, e);
	if (ret == 0 && left.n)
		fc_note("%s: not copied, as no model's files: %s", from, left.p);
	fc_buf_release(&left);
	return ret;
}

int varm_model_files_copy(const char *from, const char *to, struct fc_err *e)
{
	struct stat st;
	bool found = stat(from, &st) == 0, folder = !found || S_ISDIR(st.st_mode);
	if (!strcmp(from, "-") || (found && !folder && !S_ISREG(st.st_mode)))
		return 0; /* a stream */
	if (folder && copy_files(from, to, e) < 0)
		return -1;
	char *gguf = fc_store_gguf_path(from);
	int ret = gguf ? write_config(gguf, to, e) : 0;
	free(gguf);
	return ret;
}
