/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of conversations with all their members, as Transformers renders them. */
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "chat/chat.h"
#include "t.h"
#include "temp_files.h"

static int read_line(const json_t *line, struct fc_conversation *c, struct fc_err *e)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_conversations *r;
	fc_json_dump(&b, line);
	char *path = write_file("line.jsonl", b.p, b.n);
	const char *paths[] = {path};
	int got = fc_conversations_open(&r, paths, 1, e);
	if (got == 0) {
		got = fc_conversations_next(r, c, e);
		fc_conversations_close(r);
	}
	fc_buf_release(&b);
	free(path);
	return got;
}

/* The parts that are learned, one behind the other; free() it. */
static char *learned(const struct fc_rendered *r)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "");
	for (size_t i = 0, at = 0; i < r->n; at = r->segment[i++].end)
		if (r->segment[i].flags & FC_TOK_TRAINED)
			fc_buf_add(&b, r->text.p + at, r->segment[i].end - at);
	return fc_buf_detach(&b);
}

/* The template of a case, from the file or from ../shared; NULL: it is not there. */
static char *template_of(const json_t *c)
{
	const char *own = json_string_value(json_object_get(c, "template")), *shared = t_shared();
	struct fc_buf b = FC_BUF_INIT;
	if (own)
		return write_file("t.jinja", own, strlen(own));
	if (!shared)
		return NULL;
	fc_buf_addf(
	    &b, "%s/data/templates/%s", shared, json_string_value(json_object_get(c, "shared")));
	return fc_buf_detach(&b);
}

static void show(const char *what, const char *text)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_json_quote(&b, text, strlen(text));
	printf("# %s %s\n", what, b.p);
	fc_buf_release(&b);
}

static void test_case(const json_t *c)
{
	const char *what = json_string_value(json_object_get(c, "what"));
	const char *want = json_string_value(json_object_get(c, "text"));
	const char *want_hash = json_string_value(json_object_get(c, "xxh3"));
	const char *trained = json_string_value(json_object_get(c, "trained"));
	char *path = template_of(c);
	struct fc_conversation talk = {0};
	struct fc_rendered r = {0};
	struct fc_chat *chat = NULL;
	struct fc_err e = {""};
	if (!path) {
		t_skip("no shared templates");
		return;
	}
	bool good = fc_chat_open(&chat, tmp, path, &e) == 0 &&
	    read_line(json_object_get(c, "line"), &talk, &e) == 1 &&
	    fc_chat_render(chat, &talk, json_is_true(json_object_get(c, "generate")), &r, &e) == 0;
	char hash[32] = "refused";
	if (good)
		snprintf(hash, sizeof hash, "%016" PRIx64, fc_hash(r.text.p, r.text.n, 0));
	if (!want && !want_hash)
		T_OK(!good, "%s: refused", what);
	else if (!T_OK(good && (want ? !strcmp(r.text.p, want) : !strcmp(hash, want_hash)), "%s",
		     what))
		show("got", good ? r.text.p : e.msg);
	if (good && trained) {
		char *got = learned(&r);
		if (!T_OK(!strcmp(got, trained), "%s: what is learned", what))
			show("got", got);
		free(got);
	}
	fc_rendered_release(&r);
	fc_conversation_release(&talk);
	fc_chat_free(chat);
	free(path);
}

/* A role that nothing knows is a spelling mistake: the answer would be lost. */
static void test_unknown_role(void)
{
	static const char t[] =
	    "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>{% endfor %}";
	char *path = write_file("t.jinja", t, sizeof t - 1);
	static const char *const role[] = {"asistant", "tool", "developer", "messages"};
	for (size_t i = 0; i < FC_LEN(role); i++) {
		struct fc_conversation talk = {0};
		struct fc_rendered r = {0};
		struct fc_chat *chat = NULL;
		struct fc_err e = {""};
		json_t *line = json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "messages", "role", "user",
		    "content", "U", "role", role[i], "content", "A");
		bool read =
		    fc_chat_open(&chat, tmp, path, &e) == 0 && read_line(line, &talk, &e) == 1;
		bool good = read && fc_chat_render(chat, &talk, false, &r, &e) == 0;
		if (i)
			T_OK(good, "%s is rendered %s", role[i], e.msg);
		else
			T_OK(read && !good && strstr(e.msg, "message 2: unknown role \"asistant\""),
			    "%s", e.msg);
		fc_rendered_release(&r);
		fc_conversation_release(&talk);
		fc_chat_free(chat);
		json_decref(line);
	}
	free(path);
}

/* get_chat_template() of Transformers: "tool_use" where tools is not None. */
static void test_tool_use(void)
{
	static const struct {
		const char *tools, *want;
	} t[] = {{"[{}]", "T1U"}, {"[]", "T0U"}, {"null", "DU"}, {NULL, "DU"}};
	static const char config[] = "{\"chat_template\":[{\"name\":\"default\",\"template\":\"D{{ "
				     "messages[0].content }}\"},{"
				     "\"name\":\"tool_use\",\"template\":\"T{{ tools | length }}{{ "
				     "messages[0].content }}\"}]}";
	char dir[96];
	snprintf(dir, sizeof dir, "%s/two", tmp);
	if (mkdir(dir, 0700))
		abort();
	free(write_file("two/tokenizer_config.json", config, sizeof config - 1));
	for (size_t i = 0; i < FC_LEN(t); i++) {
		struct fc_conversation talk = {0};
		struct fc_rendered r = {0};
		struct fc_chat *chat = NULL;
		struct fc_err e = {""};
		json_t *line =
		    json_pack("{s:[{s:s,s:s}]}", "messages", "role", "user", "content", "U");
		if (t[i].tools)
			json_object_set_new(
			    line, "tools", json_loads(t[i].tools, JSON_DECODE_ANY, NULL));
		bool good = fc_chat_open(&chat, dir, NULL, &e) == 0 &&
		    read_line(line, &talk, &e) == 1 &&
		    fc_chat_render(chat, &talk, false, &r, &e) == 0;
		T_STR(good ? r.text.p : e.msg, t[i].want, "the template for tools");
		fc_rendered_release(&r);
		fc_conversation_release(&talk);
		fc_chat_free(chat);
		json_decref(line);
	}
}

/* What the folder makes of "U"; free() it. */
static char *open_and_render(const char *dir)
{
	struct fc_conversation talk = {0};
	struct fc_rendered r = {0};
	struct fc_chat *chat = NULL;
	struct fc_err e = {""};
	fc_conversation_add(&talk, FC_ROLE_USER, "U", 1);
	bool good = fc_chat_open(&chat, dir, NULL, &e) == 0 &&
	    fc_chat_render(chat, &talk, false, &r, &e) == 0;
	char *got = fc_strdup(good ? r.text.p : strstr(e.msg, ": ") ? strstr(e.msg, ": ") : e.msg);
	fc_rendered_release(&r);
	fc_conversation_release(&talk);
	fc_chat_free(chat);
	return got;
}

/* Where templates are found, in the order of Transformers: files before the configuration. */
static void test_places(void)
{
	static const struct {
		const char *file, *text, *want;
	} step[] = {
	    {"tokenizer_config.json", "{\"chat_template\":{\"tool_use\":\"T\",\"default\":\"D\"}}",
		"D"},
	    {"tokenizer_config.json", "{\"chat_template\":{\"tool_use\":\"T\",\"rag\":\"D\"}}",
		": of its chat templates (tool_use, rag) none is the default; name a file with "
		"--template"},
	    {"tokenizer_config.json", "{\"chat_template\":\"C\"}", "C"},
	    {"additional_chat_templates/tool_use.jinja", "T",
		": of its chat templates (tool_use) none is the default; name a file with "
		"--template"},
	    {"chat_template.jinja", "F", "F"},
	};
	char dir[96], more[128], path[160];
	snprintf(dir, sizeof dir, "%s/places", tmp);
	snprintf(more, sizeof more, "%s/additional_chat_templates", dir);
	if (mkdir(dir, 0700) || mkdir(more, 0700))
		abort();
	for (size_t i = 0; i < FC_LEN(step); i++) {
		snprintf(path, sizeof path, "places/%s", step[i].file);
		free(write_file(path, step[i].text, strlen(step[i].text)));
		char *got = open_and_render(dir);
		T_STR(got, step[i].want, step[i].file);
		free(got);
	}
}

int main(void)
{
	const char *root = getenv("FC_ROOT");
	struct fc_buf path = FC_BUF_INIT;
	struct fc_err e;
	json_t *c;
	size_t i;
	make_tmp();
	const char config[] = "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"pad_token\":"
			      "\"<|im_end|>\"}";
	free(write_file("tokenizer_config.json", config, sizeof config - 1));
	fc_buf_addf(&path, "%s/tests/data/chat/members.json", root ? root : ".");
	json_t *file = fc_json_file(path.p, &e);
	if (!file)
		printf("Bail out! %s\n", e.msg), exit(1);
	json_array_foreach(json_object_get(file, "cases"), i, c) test_case(c);
	test_unknown_role();
	test_tool_use();
	test_places();
	json_decref(file);
	fc_buf_release(&path);
	return t_done();
}
