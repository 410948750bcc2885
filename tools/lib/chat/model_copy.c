/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/model_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "chat/template.h"
#include "store/modelfiles.h"
#include "text/json_write.h"

/* {NAME: TEXT} as tokenizer_config.json lists templates. */
static json_t *make_list(const json_t *all)
{
	json_t *list = json_array(), *text;
	const char *name;
	json_object_foreach((json_t *)(uintptr_t)all, name, text)
	    json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, "template", text));
	return list;
}

static int write_list(const char *dir, json_t *list, struct fc_err *e)
{
	char *path = fc_path_join(dir, "tokenizer_config.json");
	char *main_file = fc_path_join(dir, "chat_template.jinja");
	json_t *config = fc_file_exists(path) ? fc_json_file(path, e) : json_object();
	int ret = config ? 0 : -1;
	if (ret == 0) {
		json_object_set(config, "chat_template", list);
		ret = fc_json_write(path, config, e);
	}
	if (ret == 0 && unlink(main_file) < 0 && errno != ENOENT)
		ret = fc_fail(e, "remove %s:", main_file);
	json_decref(config);
	free(path);
	free(main_file);
	return ret;
}

int fc_model_copy(
    const char *from, const char *to, unsigned kinds, struct fc_buf *left, struct fc_err *e)
{
	if (fc_modelfiles_copy(from, to, kinds, left, e) < 0)
		return -1;
	if (!(kinds & FC_MODELFILES_TOKENIZER) || !fc_template_has_folder(from))
		return 0;
	json_t *all = fc_template_all(from, NULL, e), *list = all ? make_list(all) : NULL;
	const int ret = list ? write_list(to, list, e) : -1;
	json_decref(all);
	json_decref(list);
	return ret;
}
