/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "t.h"
#include "temp_files.h"
#include "chat/chat.h"

/* The folder tests/data/chat/NAME.  free() it. */
static char *folder(const char *name)
{
	const char *root = getenv("FC_ROOT");
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s/tests/data/chat/%s", root ? root : ".", name);
	return fc_buf_detach(&b);
}

/* A model folder of that name with a tokenizer_config.json; returns its path.  free() it. */
static char *model(const char *name, const char *config)
{
	char *dir = fc_path_join(tmp, name), file[64], command[256];
	snprintf(command, sizeof command, "mkdir -p '%s'", dir);
	if (system(command))
		abort();
	snprintf(file, sizeof file, "%s/tokenizer_config.json", name);
	free(write_file(file, config, strlen(config)));
	return dir;
}

/* [{"role", "content"}] or [["human", "text"], ...] */
static void conversation(struct fc_conversation *c, json_t *messages)
{
	size_t i;
	json_t *m;
	json_array_foreach(messages, i, m)
	{
		json_t *content =
		    json_is_array(m) ? json_array_get(m, 1) : json_object_get(m, "content");
		const char *role = json_string_value(
		    json_is_array(m) ? json_array_get(m, 0) : json_object_get(m, "role"));
		fc_conversation_add(c,
		    *role == 's'                       ? FC_ROLE_SYSTEM
			: *role == 'u' || *role == 'h' ? FC_ROLE_USER
						       : FC_ROLE_ASSISTANT,
		    json_string_value(content), json_string_length(content));
		const char *finish = json_is_array(m)
		    ? NULL
		    : json_string_value(json_object_get(m, "finish_reason"));
		c->message[c->n_message - 1].finish_reason = finish ? fc_strdup(finish) : NULL;
	}
}

static void parse_conversation(struct fc_conversation *c, const char *text)
{
	struct fc_err e;
	json_t *v = fc_json_text(text, strlen(text), "messages", &e);
	if (!v)
		abort();
	conversation(c, v);
	json_decref(v);
}

/* "role part:text|...", * before the trained ones; "!message" for an error.  free() it. */
static char *describe(const struct fc_chat *chat, const char *messages, bool generate)
{
	struct fc_conversation c = {0};
	struct fc_rendered r = {0};
	struct fc_buf b = FC_BUF_INIT;
	struct fc_err e;
	parse_conversation(&c, messages);
	uint32_t at = 0;
	if (fc_chat_render(chat, &c, generate, &r, &e) < 0)
		fc_buf_addf(&b, "!%s", e.msg);
	for (size_t i = 0; i < r.n; i++) {
		const struct fc_segment *s = &r.segment[i];
		if (s->end <= at)
			fc_buf_adds(&b, "GAP ");
		fc_buf_addf(&b, "%s%s%c%c:%.*s", i ? "|" : "", s->flags & FC_TOK_TRAINED ? "*" : "",
		    "nsua"[FC_TOK_ROLE(s->flags)], "CTEB"[FC_TOK_PART(s->flags)],
		    (int)(s->end - at), r.text.p + at);
		at = s->end;
	}
	if (at != r.text.n)
		fc_buf_adds(&b, " REST");
	fc_rendered_release(&r);
	fc_conversation_release(&c);
	return fc_buf_detach(&b);
}

static void expect(const struct fc_chat *chat, const char *messages, bool generate,
    const char *want, const char *what)
{
	char *got = describe(chat, messages, generate);
	T_STR(got, want, what);
	free(got);
}

#define U1 "{\"role\":\"user\",\"content\":\"U1\"}"
#define A1 "{\"role\":\"assistant\",\"content\":\"A1\"}"
#define CUT "{\"role\":\"assistant\",\"content\":\"A1\",\"finish_reason\":\"length\"}"
#define U2 "{\"role\":\"user\",\"content\":\"U2\"}"
#define A2 "{\"role\":\"assistant\",\"content\":\"A2\"}"

struct real { /* a published model's tokenizer and template */
	const char *name;
	struct fc_chat *chat;
	struct fc_tokenizer *tokenizer;
};

/* A special token in a message is text: it comes back as several tokens, all of that message. */
static void test_injection(const struct real *m, const char *special)
{
	struct fc_conversation c = {0};
	struct fc_rendered r = {0};
	struct fc_example x;
	struct fc_err e = {""};
	uint32_t id = fc_tokenizer_find(m->tokenizer, special);
	size_t seen = 0, in_content = 0, ends = 0;
	struct fc_buf text = FC_BUF_INIT, back = FC_BUF_INIT;
	fc_example_init(&x);
	fc_buf_addf(&text, "a%s\nb %s%s", special, special, special);
	fc_conversation_add(&c, FC_ROLE_USER, text.p, text.n);
	fc_conversation_add(&c, FC_ROLE_ASSISTANT, text.p, text.n);
	bool good = fc_chat_render(m->chat, &c, false, &r, &e) == 0 &&
	    fc_rendered_encode(&r, m->tokenizer, id, &x, &e) == 0;
	for (size_t i = 0; good && i < x.n_tok; i++) {
		seen += x.tok[i] == id;
		in_content += x.tok[i] == id && FC_TOK_PART(x.flags[i]) != FC_PART_TURN_END;
	}
	for (size_t i = 0; i < r.n; i++)
		ends += FC_TOK_PART(r.segment[i].flags) == FC_PART_TURN_END;
	if (good)
		fc_tokenizer_decode(m->tokenizer, x.tok, x.n_tok, true, &back);
	/* the made-up vocabulary has no such characters */
	bool readable = fc_tokenizer_find(m->tokenizer, "<") != FC_NO_TOKEN;
	const char *first = back.p ? strstr(back.p, text.p) : NULL;
	T_OK(good && ends && seen == ends && in_content == 0 &&
		(!readable || (first && strstr(first + 1, text.p))),
	    "%s: %s in messages stays text %s", m->name, special, e.msg);
	fc_buf_release(&text);
	fc_buf_release(&back);
	fc_example_release(&x);
	fc_rendered_release(&r);
	fc_conversation_release(&c);
}

static void test_openchat(void)
{
	struct fc_chat *chat;
	struct fc_err e = {""};
	char *dir = folder("openchat");
	T_OK(fc_chat_open(&chat, dir, NULL, &e) == 0, "open %s", e.msg);
	T_STR(fc_chat_turn_end(chat), "<|end_of_turn|>", "turn end");
	expect(chat, "[" U1 "," A1 "," U2 "]", true,
	    "nB:<s>|nT:GPT4 Correct User:|uC: U1|uE:<|end_of_turn|>|nT:GPT4 Correct "
	    "Assistant:|*aC: "
	    "A1|*aE:<|end_of_turn|>|nT:GPT4 Correct User:|uC: U2|uE:<|end_of_turn|>|nT:GPT4 "
	    "Correct "
	    "Assistant:",
	    "segments, generation prompt");
	expect(chat, "[" U1 ",{\"role\":\"assistant\",\"content\":\"a <|end_of_turn|> b\"}]", false,
	    "nB:<s>|nT:GPT4 Correct User:|uC: U1|uE:<|end_of_turn|>|nT:GPT4 Correct "
	    "Assistant:|*aC: a "
	    "<|end_of_turn|> b|*aE:<|end_of_turn|>",
	    "a turn end inside of a content is content");
	expect(chat, "[" U1 ",{\"role\":\"assistant\",\"content\":\"\"}]", false,
	    "nB:<s>|nT:GPT4 Correct User:|uC: U1|uE:<|end_of_turn|>|nT:GPT4 Correct Assistant: "
	    "|nE:<|end_of_turn|>",
	    "an empty answer");
	struct real m = {"openchat", chat, NULL};
	if (T_OK(fc_tokenizer_open(&m.tokenizer, dir, &e) == 0, "open %s", e.msg))
		test_injection(&m, "<|end_of_turn|>");
	fc_tokenizer_free(m.tokenizer);
	uint64_t hash = fc_chat_hash(chat);
	fc_chat_free(chat);
	fc_chat_open(&chat, dir, NULL, &e);
	T_OK(fc_chat_hash(chat) == hash, "the hash is the template's");
	fc_chat_free(chat);
	char *file = write_file("t.jinja", "{{ messages[0].content }}", 25);
	T_OK(fc_chat_open(&chat, dir, file, &e) == 0 && fc_chat_hash(chat) != hash,
	    "another template, another hash");
	expect(chat, "[" U1 "]", false, "uC:U1", "--template replaces the folder's");
	expect(chat, "[" U1 "," A1 "]", false,
	    "!message 2 (assistant) does not appear in the text that the chat template makes",
	    "an answer that the template drops");
	fc_chat_free(chat);
	free(file);
	free(dir);
}

/* One template as tokenizer_config.json has it, with <b>, <e> and special <x>, <|end|>. */
static struct fc_chat *with_template(const char *t)
{
	struct fc_buf b = FC_BUF_INIT;
	struct fc_chat *chat;
	struct fc_err e = {""};
	fc_buf_adds(&b,
	    "{\"bos_token\":{\"content\":\"<b>\"},\"eos_token\":\"<e>\",\"pad_token\":null,"
	    "\"added_tokens_decoder\":{\"7\":{\"content\":\"<|end|>\",\"special\":true},"
	    "\"8\":{\"content\":\"<no>\",\"special\":false}},\"chat_template\":");
	fc_json_quote(&b, t, strlen(t));
	fc_buf_addc(&b, '}');
	char *dir = model("m", b.p);
	if (fc_chat_open(&chat, dir, NULL, &e) < 0)
		printf("# %s\n", e.msg);
	free(dir);
	fc_buf_release(&b);
	return chat;
}

static void test_segments(void)
{
	static const struct {
		const char *t, *messages, *want;
	} cases[] = {
	    {"{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% "
	     "endfor "
	     "%}",
		"[" U1 "," A1 "]",
		"nT:<|user|>\n|uC:U1|uE:<|end|>|nT:\n<|assistant|>\n|*aC:A1|*aE:<|end|>|nT:\n"},
	    /* Llama 2: stripped contents, a space before the end, BOS in every round */
	    {"{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + "
	     "m.content.strip() + ' [/INST]' }}{% else %}{{ ' ' + m.content.strip() + ' ' + "
	     "eos_token "
	     "}}{% endif %}{% endfor %}",
		"[" U1 ",{\"role\":\"assistant\",\"content\":\" A1\\n\"}," U2 "]",
		"nB:<b>|nT:[INST]|uC: U1|nT: [/INST]|*aC: A1|*aT: |*aE:<e>|nT:<b>[INST]|uC: U2|nT: "
		"[/INST]"},
	    /* no end of turn at all */
	    {"{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n{% endfor %}",
		"[" U1 "," A1 "]", "nT:### user:\n|uC:U1|nT:\n### assistant:\n|*aC:A1|nT:\n"},
	    /* not special: no end of turn */
	    {"{% for m in messages %}{{ m.content }}<no>{% endfor %}", "[" U1 "," A1 "]",
		"uC:U1|nT:<no>|*aC:A1|nT:<no>"},
	    /* the template's own system text ends with the same token */
	    {"sys<|end|>{% for m in messages %}{{ m.content + '<|end|>' }}{% endfor %}<e>",
		"[" U1 "," A1 "]", "nT:sys|nE:<|end|>|uC:U1|uE:<|end|>|*aC:A1|*aE:<|end|>|nT:<e>"},
	    /* two parts of one answer with template between them */
	    {"{% for m in messages %}{{ m.role }}:{% set p = m.content.split('</t>') %}{{ p[0] }}"
	     "{% if p | length > 1 %}</t>\n\n{{ p[1] }}{% endif %}<e>\n{% endfor %}",
		"[" U1 ",{\"role\":\"assistant\",\"content\":\"a</t>b\"}]",
		"nT:user:|uC:U1|uE:<e>|nT:\nassistant:|*aC:a|*aT:</t>\n\n|*aC:b|*aE:<e>|nT:\n"},
	    /* {% generation %} decides */
	    {"{% for m in messages %}{% if m.role == 'assistant' %}A: {% generation %}{{ m.content "
	     "+ "
	     "'<e>' }}{% endgeneration %}!{% else %}{{ m.content }}<e>{% endif %}{% endfor %}",
		"[" U1 "," A1 "]", "uC:U1|uE:<e>|nT:A:|*aC: A1|*aE:<e>|nT:!"},
	    {"{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
	     "{% endgeneration %}<e>{% else %}{{ m.content }}<e>{% endif %}{% endfor %}",
		"[" U1 "," A1 "]", "uC:U1|uE:<e>|*aC:A1|aE:<e>"},
	    /* cut answers: that they end is nothing to learn */
	    {"{% for m in messages %}{{ m.role }}:{{ m.content + ' ' + eos_token }}{% endfor %}",
		"[" U1 "," CUT "," A2 "]",
		"nT:user:|uC:U1|uT: |uE:<e>|nT:assistant:|*aC:A1|aT: "
		"|aE:<e>|nT:assistant:|*aC:A2|*aT: |*aE:<e>"},
	    {"{% for m in messages %}{% if m.role == 'assistant' %}A: {% generation %}{{ m.content "
	     "+ '!<e>' }}{% endgeneration %}!{% else %}{{ m.content }}<e>{% endif %}{% endfor %}",
		"[" U1 "," CUT "," U2 "," A2 "]",
		/* no turn end that is known */
		"uC:U1|nT:<e>A:|*aC: A1|nT:!<e>!|uC:U2|nT:<e>A:|*aC: A2|*aT:!<e>|nT:!"},
	    {"{{ raise_exception('no system') }}", "[" U1 "]", NULL},
	    {"{% for m in messages %}{{ m | tojson }}<e>{% endfor %}", "[" U1 "," A1 "]",
		"nT:{\"role\": \"user\", \"content\": \"|uC:U1|nT:\"}<e>{\"role\": "
		"\"assistant\", \"content\": \"|*aC:A1|nT:\"}<e>"},
	    {"{{ bos_token }}{{ pad_token }}{{ tools is none }}", "[" U1 "]", "nB:<b>|nT:True"},
	    {"", "[" U1 "]", ""},
	};
	for (size_t i = 0; i < FC_LEN(cases); i++) {
		struct fc_chat *chat = with_template(cases[i].t);
		char *got =
		    chat ? describe(chat, cases[i].messages, false) : fc_strdup("not opened");
		if (cases[i].want)
			T_OK(!strcmp(got, cases[i].want), "segments %zu", i);
		else
			T_OK(strstr(got, ": chat_template:1: no system"),
			    "the template's own message");
		if (cases[i].want && strcmp(got, cases[i].want) != 0)
			printf("# got      %s\n# expected %s\n", got, cases[i].want);
		free(got);
		fc_chat_free(chat);
	}
}

/* Another model's template: its BOS and turn end give way to the tokenizer's own, which are longer
 * or shorter, and every span is of the text as it was rendered. */
static void test_foreign(void)
{
	struct fc_chat *chat = with_template("{{ bos_token }}{% for m in messages %}{{ m.content + "
					     "'<|end|>' }}{% endfor %}");
	char *dir = folder("openchat");
	struct fc_tokenizer *t;
	struct fc_conversation c = {0};
	struct fc_rendered r = {0};
	struct fc_example x;
	struct fc_err e = {""};
	struct fc_buf got = FC_BUF_INIT;
	fc_example_init(&x);
	parse_conversation(&c,
	    "[{\"role\":\"user\",\"content\":\"How are you?\"},{\"role\":"
	    "\"assistant\",\"content\":\"Fine\"}]");
	T_OK(fc_tokenizer_open(&t, dir, &e) == 0 && fc_chat_render(chat, &c, false, &r, &e) == 0,
	    "another model's template %s", e.msg);
	uint32_t end = fc_tokenizer_find(t, "<|end_of_turn|>");
	T_OK(fc_rendered_encode(&r, t, end, &x, &e) == 0, "is encoded %s", e.msg);
	for (size_t i = 0; i < x.n_tok; i++)
		fc_buf_addf(&got, "%s[%.*s%s]", fc_tokenizer_piece(t, x.tok[i]),
		    (int)(x.end[i] - fc_example_start(&x, i)), x.text.p + fc_example_start(&x, i),
		    fc_example_trained(&x, i) ? "*" : "");
	T_STR(got.p,
	    "<s>[<b>]▁How[How]▁are[ are]▁you[ you]?[?]<|end_of_turn|>[<|end|>]▁Fine[Fine*]"
	    "<|end_of_turn|>[<|end|>*]",
	    "with its own tokens over the template's bytes");
	fc_buf_clear(&got);
	T_OK(fc_rendered_encode(&r, t, FC_NO_TOKEN, &x, &e) == 0, "no turn end %s", e.msg);
	for (size_t i = 0; i < x.n_tok; i++)
		fc_buf_addf(&got, "%.*s|", (int)(x.end[i] - fc_example_start(&x, i)),
		    x.text.p + fc_example_start(&x, i));
	/* of "<|end|>" the vocabulary has e and n; without a space before it, "Fine" falls apart */
	T_STR(got.p, "<b>|How| are| you|?|<||e|n|d|>|F|i|n|e|<||e|n|d|>|", "is text");
	T_OK(x.n_seg == r.n && x.seg[0].end == 3 && FC_TOK_PART(x.seg[0].flags) == FC_PART_BOS &&
		x.seg[r.n - 1].end == r.text.n,
	    "the segments travel with it");
	fc_buf_release(&got);
	fc_example_release(&x);
	fc_rendered_release(&r);
	fc_conversation_release(&c);
	fc_tokenizer_free(t);
	fc_chat_free(chat);
	free(dir);
}

static void test_lookup(void)
{
	struct fc_chat *chat;
	struct fc_err e = {""};
	char *dir = model("none", "{}");
	T_OK(fc_chat_open(&chat, dir, NULL, &e) < 0 && strstr(e.msg, "no chat template"),
	    "a model without a template: %s", e.msg);
	free(dir);
	dir = model("list",
	    "{\"chat_template\":[{\"name\":\"tool_use\",\"template\":\"T\"},{\"name\":"
	    "\"default\",\"template\":\"D\"}]}");
	T_OK(fc_chat_open(&chat, dir, NULL, &e) == 0, "a list of templates %s", e.msg);
	expect(chat, "[" U1 "]", false, "nT:D", "the default one of a list");
	fc_chat_free(chat);
	free(write_file("list/chat_template.jinja", "F", 1));
	T_OK(fc_chat_open(&chat, dir, NULL, &e) == 0, "a file %s", e.msg);
	expect(chat, "[" U1 "]", false, "nT:F", "the file goes before the configuration");
	fc_chat_free(chat);
	free(write_file("list/chat_template.jinja", "\n{% if %}", 9));
	T_OK(fc_chat_open(&chat, dir, NULL, &e) < 0 && strstr(e.msg, "chat_template.jinja:2: "),
	    "a bad template names file and line: %s", e.msg);
	free(dir);
	dir = model("bad", "{\"chat_template\": ");
	T_OK(fc_chat_open(&chat, dir, NULL, &e) < 0 && strstr(e.msg, "tokenizer_config.json"),
	    "a bad configuration is named: %s", e.msg);
	free(dir);
}

/* The trained tokens, each followed by "|".  free() it. */
static char *trained(const struct fc_example *x, const struct fc_tokenizer *t)
{
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < x->n_tok; i++)
		if (fc_example_trained(x, i))
			fc_buf_addf(&b, "%s|", fc_tokenizer_piece(t, x->tok[i]));
	return fc_buf_detach(&b);
}

static void test_mask(
    json_t *c, const struct fc_chat *chat, const struct fc_tokenizer *t, enum fc_text_cut cut)
{
	struct fc_conversation talk = {0};
	struct fc_rendered r = {.cut = cut};
	struct fc_example x;
	struct fc_err e = {""};
	struct fc_buf want = FC_BUF_INIT;
	size_t i, bad = 0, last = 0;
	json_t *v;
	fc_example_init(&x);
	conversation(&talk, json_object_get(c, "dialogue"));
	uint32_t end = fc_tokenizer_find(t, fc_chat_turn_end(chat));
	T_OK(fc_chat_render(chat, &talk, false, &r, &e) == 0 &&
		fc_rendered_encode(&r, t, end, &x, &e) == 0,
	    "case 13: encode %s", e.msg);
	json_array_foreach(json_object_get(c, "trained_tokens"), i, v)
	{
		fc_buf_addf(&want, "%s|", json_string_value(v));
	}
	json_array_foreach(json_object_get(c, "tokens"), i, v)
	{
		bad += i < x.n_tok &&
		    strcmp(json_string_value(v), fc_tokenizer_piece(t, x.tok[i])) != 0;
	}
	for (i = 0; i < x.n_tok; i++) {
		bad += x.end[i] < last;
		last = x.end[i];
	}
	T_OK(bad == 0 && x.n_tok == 29 && last == x.text.n, "case 13: the tokens");
	char *got = trained(&x, t);
	T_STR(got, want.p, "case 13: the trained tokens");
	free(got);
	fc_buf_release(&want);
	fc_example_release(&x);
	fc_rendered_release(&r);
	fc_conversation_release(&talk);
}

/* The templates by name give the reference's prompts.  Its "mistral" closes the second user's
 * message with EOS, a bug that is not followed. */
static void test_prompt(json_t *c)
{
	const char *name = json_string_value(json_object_get(c, "template"));
	const char *eos = json_string_value(json_object_get(c, "turn_separator"));
	const char *want = json_string_value(json_object_get(c, "prompt"));
	struct fc_buf config = FC_BUF_INIT;
	struct fc_conversation talk = {0};
	struct fc_rendered r = {0};
	struct fc_chat *chat;
	struct fc_err e = {""};
	if (!strcmp(name, "mistral"))
		want = "[INST] Hello [/INST] Hi there</s>[INST] How are you? [/INST] Fine</s>";
	fc_buf_addf(&config, "{\"eos_token\":\"%s\"}", eos);
	char *dir = model("case13", config.p);
	conversation(&talk, json_object_get(c, "dialogue"));
	T_OK(fc_chat_open(&chat, dir, name, &e) == 0 &&
		fc_chat_render(chat, &talk, false, &r, &e) == 0 && !strcmp(r.text.p, want) &&
		!strcmp(fc_chat_turn_end(chat), eos),
	    "case 13: %s with %s %s", name, eos, e.msg);
	fc_chat_free(chat);
	fc_rendered_release(&r);
	fc_conversation_release(&talk);
	fc_buf_release(&config);
	free(dir);
}

static void test_case13(void)
{
	const char *shared = t_shared();
	if (!shared) {
		t_skip("no worked cases");
		return;
	}
	char *path = fc_path_join(shared, "cases/13_chat_template_and_label_mask.json");
	char *dir = folder("openchat");
	struct fc_err e = {""};
	struct fc_chat *chat;
	struct fc_tokenizer *t;
	json_t *file = fc_json_file(path, &e), *c;
	size_t i;
	if (!T_OK(file && fc_chat_open(&chat, dir, NULL, &e) == 0 &&
		    fc_tokenizer_open(&t, dir, &e) == 0,
		"case 13 %s", e.msg))
		return;
	json_array_foreach(json_object_get(file, "cases"), i, c)
	{
		const char *kind = json_string_value(json_object_get(c, "kind"));
		if (!strcmp(kind, "prompt"))
			test_prompt(c);
		else if (json_integer_value(json_object_get(c, "max_length")) == 48 &&
		    json_is_true(json_object_get(c, "mask_instruction")))
			for (int cut = FC_CUT_WHOLE; cut <= FC_CUT_PROMPT; cut++)
				test_mask(c, chat, t, (enum fc_text_cut)cut);
	}
	json_decref(file);
	fc_chat_free(chat);
	fc_tokenizer_free(t);
	free(dir);
	free(path);
}

static bool open_real(struct real *m, const char *shared, const char *template)
{
	char command[512];
	char *dir = fc_path_join(tmp, m->name);
	struct fc_err e = {""};
	snprintf(command, sizeof command,
	    "mkdir '%s' && cd '%s/data/tokenizers' && xz -dc %s.tokenizer.json.xz "
	    ">'%s/tokenizer.json' "
	    "&& cp %s.tokenizer_config.json '%s/tokenizer_config.json'",
	    dir, shared, m->name, dir, m->name, dir);
	bool good = system(command) == 0 && fc_tokenizer_open(&m->tokenizer, dir, &e) == 0 &&
	    fc_chat_open(&m->chat, dir, template, &e) == 0;
	T_OK(good, "open %s %s", m->name, e.msg);
	free(dir);
	return good;
}

static const struct real *real_named(const struct real *m, const char *name)
{
	while (strcmp(m->name, name) != 0)
		m++;
	return m;
}

static void test_tokens(const struct real *models, json_t *c, enum fc_text_cut cut)
{
	const struct real *from = real_named(models, json_string_value(json_object_get(c, "chat")));
	const struct real *to =
	    real_named(models, json_string_value(json_object_get(c, "tokenizer")));
	json_t *ids = json_object_get(c, "ids");
	struct fc_conversation talk = {0};
	struct fc_rendered r = {.cut = cut};
	struct fc_example x;
	struct fc_err e = {""};
	fc_example_init(&x);
	conversation(&talk, json_object_get(c, "messages"));
	bool good = fc_chat_render(from->chat, &talk, json_is_true(json_object_get(c, "generate")),
			&r, &e) == 0 &&
	    !strcmp(r.text.p, json_string_value(json_object_get(c, "text"))) &&
	    fc_rendered_encode(&r, to->tokenizer,
		(uint32_t)json_integer_value(json_object_get(c, "turn_end")), &x, &e) == 0 &&
	    x.n_tok == json_array_size(ids);
	size_t bad = 0, last = 0, ends = 0;
	for (size_t i = 0; good && i < x.n_tok; i++) {
		bad += x.tok[i] != (uint32_t)json_integer_value(json_array_get(ids, i));
		bad += x.end[i] < last;
		last = x.end[i];
		ends += fc_example_trained(&x, i) && FC_TOK_PART(x.flags[i]) == FC_PART_TURN_END;
	}
	T_OK(good && !bad && last == r.text.n && ends == 2, "%s under %s: %zu tokens %s",
	    from->name, to->name, x.n_tok, e.msg);
	fc_example_release(&x);
	fc_rendered_release(&r);
	fc_conversation_release(&talk);
}

static void test_real(void)
{
	const char *shared = t_shared();
	struct real models[] = {
	    {.name = "qwen3"}, {.name = "llama3"}, {.name = "mistral-7b-v0.1"}, {.name = "gemma3"}};
	struct fc_err e = {""};
	if (!shared) {
		t_skip("no published tokenizers");
		return;
	}
	char *path = folder("tokens.json");
	json_t *file = fc_json_file(path, &e), *c;
	const char *t = json_string_value(json_object_get(file, "mistral_template"));
	char *mistral = write_file("mistral.jinja", t, strlen(t));
	bool good = true;
	size_t i;
	for (i = 0; i < FC_LEN(models); i++)
		good = open_real(&models[i], shared, i == 2 ? mistral : NULL) && good;
	if (good) {
		for (i = 0; i < FC_LEN(models); i++)
			T_STR(fc_chat_turn_end(models[i].chat),
			    json_string_value(
				json_object_get(json_object_get(file, "turn_end"), models[i].name)),
			    "turn end");
		for (int cut = FC_CUT_WHOLE; cut <= FC_CUT_PROMPT; cut++)
			json_array_foreach(json_object_get(file, "cases"), i, c)
			    test_tokens(models, c, (enum fc_text_cut)cut);
		test_injection(&models[0], "<|im_end|>");
		test_injection(&models[1], "<|eot_id|>");
		test_injection(&models[2], "</s>");
		test_injection(&models[3], "<end_of_turn>");
	}
	for (i = 0; i < FC_LEN(models); i++) {
		fc_chat_free(models[i].chat);
		fc_tokenizer_free(models[i].tokenizer);
	}
	json_decref(file);
	free(mistral);
	free(path);
}

int main(void)
{
	make_tmp();
	test_openchat();
	test_segments();
	test_foreign();
	test_lookup();
	test_case13();
	test_real();
	return t_done();
}
