/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "t.h"
#include "jinja/jinja.h"

#define NOW 1721995200 /* 2024-07-26 12:00 UTC */

static json_t *data(const char *name)
{
	const char *root = getenv("FC_ROOT");
	struct fc_buf path = FC_BUF_INIT;
	struct fc_err e;
	fc_buf_addf(&path, "%s/tests/data/chat/%s", root ? root : ".", name);
	json_t *v = fc_json_file(path.p, &e);
	if (!v)
		printf("Bail out! %s\n", e.msg), exit(1);
	fc_buf_release(&path);
	return v;
}

/* 0, or -1 with e; the text and pieces in out.  vars may hold messages, as the template sees them,
 * and add_generation_prompt. */
static int render(
    const char *t, size_t n, const json_t *vars, struct fc_jinja_out *out, struct fc_err *e)
{
	struct fc_jinja *j;
	const json_t *list = json_object_get(vars, "messages");
	struct fc_jinja_message *m = FC_ARRAY(struct fc_jinja_message, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		m[i].members = json_array_get(list, i);
		m[i].role = json_string_value(json_object_get(m[i].members, "role"));
	}
	const struct fc_jinja_input in = {.vars = &vars,
	    .n_vars = 1,
	    .message = list ? m : NULL,
	    .n_message = json_array_size(list),
	    .add_generation_prompt = json_is_true(json_object_get(vars, "add_generation_prompt")),
	    .now_s = NOW};
	int ret = fc_jinja_compile(&j, t, n, "chat_template", e);
	if (ret == 0) {
		ret = fc_jinja_run(j, &in, out, e);
		fc_jinja_free(j);
	}
	free(m);
	return ret;
}

/* t as one line, for the name of a test; free() it. */
static char *quoted(const char *t, size_t n)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_json_quote(&b, t, n < 100 ? n : 100);
	return fc_buf_detach(&b);
}

static void test_language(void)
{
	json_t *file = data("jinja.json"), *vars = json_object_get(file, "vars"), *c;
	size_t i;
	json_array_foreach(json_object_get(file, "cases"), i, c)
	{
		json_t *t = json_object_get(c, "t"), *want = json_object_get(c, "out");
		struct fc_jinja_out out = {0};
		struct fc_err e;
		int ret = render(json_string_value(t), json_string_length(t), vars, &out, &e);
		bool good = want ? ret == 0 && out.text.n == json_string_length(want) &&
			!memcmp(out.text.p, json_string_value(want), out.text.n)
				 : ret < 0 && !strncmp(e.msg, "chat_template:", 14);
		char *name = quoted(json_string_value(t), json_string_length(t));
		T_OK(good, "%s", name);
		if (!good)
			printf("# %s\n", ret < 0 ? e.msg : out.text.p ? out.text.p : "");
		free(name);
		fc_jinja_out_release(&out);
	}
	json_decref(file);
}

static void test_template(
    const char *shared, const char *name, json_t *conversations, json_t *expected)
{
	struct fc_buf path = FC_BUF_INIT, source = FC_BUF_INIT;
	struct fc_err e = {""};
	size_t i, bad = 0;
	json_t *want;
	fc_buf_addf(&path, "%s/data/templates/%s", shared, name);
	if (fc_file_read(path.p, 1 << 20, &source, &e) < 0)
		bad++;
	json_array_foreach(expected, i, want)
	{
		json_t *vars = json_pack("{s:O, s:b, s:s, s:s}", "messages",
		    json_array_get(conversations, i / 2), "add_generation_prompt", i % 2 == 0,
		    "bos_token", "<s>", "eos_token", "</s>");
		struct fc_jinja_out out = {0};
		char got[32] = "error";
		if (render(source.p, source.n, vars, &out, &e) == 0)
			snprintf(
			    got, sizeof got, "%016" PRIx64, fc_hash(out.text.p, out.text.n, 0));
		bad += strcmp(got, json_string_value(want)) != 0;
		fc_jinja_out_release(&out);
		json_decref(vars);
	}
	T_OK(bad == 0 && i == 18, "%s: %zu of %zu texts differ %s", name, bad, i, bad ? e.msg : "");
	fc_buf_release(&path);
	fc_buf_release(&source);
}

static void test_templates(void)
{
	const char *shared = t_shared(), *name;
	if (!shared) {
		t_skip("no shared templates");
		return;
	}
	json_t *file = data("templates.json"), *expected;
	json_object_foreach(json_object_get(file, "templates"), name, expected)
	    test_template(shared, name, json_object_get(file, "conversations"), expected);
	json_decref(file);
}

/* "text<origin>..." of the pieces that come from a message; * after those in {% generation %}. */
static void expect_origins(const char *t, const char *want)
{
	static const char vars_text[] =
	    "{\"messages\": [{\"role\": \"user\", \"content\": \" q1 \"}, {\"role\": "
	    "\"assistant\", \"content\": \"a<x>b</think>c\"}, {\"role\": \"user\", \"content\": "
	    "[{\"type\": \"text\", \"text\": \"\xc3\xa9t\"}]}]}";
	struct fc_err e = {""};
	struct fc_jinja_out out = {0};
	struct fc_buf got = FC_BUF_INIT;
	json_t *vars = fc_json_text(vars_text, sizeof vars_text - 1, "vars", &e);
	uint32_t at = 0;
	bool adjoin = true;
	fc_buf_adds(&got, "");
	if (render(t, strlen(t), vars, &out, &e) < 0)
		fc_buf_addf(&got, "!%s", e.msg);
	for (size_t i = 0; i < out.n; i++) {
		const struct fc_jinja_piece *p = &out.piece[i];
		adjoin = adjoin && p->start == at && p->end > at;
		at = p->end;
		if (p->origin >= 0 || p->generation)
			fc_buf_addf(&got, "%.*s<%d%s>", (int)(p->end - p->start),
			    out.text.p + p->start, p->origin, p->generation ? "*" : "");
	}
	T_STR(got.p ? got.p : "", want, t);
	T_OK(adjoin && at == out.text.n, "pieces cover the text");
	fc_buf_release(&got);
	fc_jinja_out_release(&out);
	json_decref(vars);
}

static void test_origins(void)
{
	expect_origins("x{{ messages[0].content }}y", " q1 <0>");
	expect_origins("{{ messages[0].content | trim }}", "q1<0>");
	expect_origins("{{ messages[0]['content'].strip()[1:] + '!' }}", "1<0>");
	expect_origins("{{ '[' + messages[1].content.split('</think>')[-1] + ']' }}", "c<1>");
	expect_origins("{{ messages[1].content.replace('b', '--') }}", "a<x><1></think>c<1>");
	expect_origins(
	    "{{ messages[0].content ~ messages[1].content[::-1] }}", " q1 <0>c>kniht/<b>x<a<1>");
	expect_origins("{{ messages[0].content | upper }}{{ messages[0].role }}", " Q1 <0>");
	expect_origins("{{ messages[1].content | e }}", "a&lt;x&gt;b&lt;/think&gt;c<1>");
	expect_origins("{{ messages[0].content | tojson }}", " q1 <0>");
	expect_origins("{{ messages | map(attribute='content') | first | indent }}", " q1 <0>");
	expect_origins("{% for p in messages[2].content %}{{ p.text }}{{ p.type }}{% endfor %}",
	    "\xc3\xa9ttext<2>");
	expect_origins(
	    "{% macro m(s) %}<{{ s }}>{% endmacro %}{{ m(messages[0].content) }}", " q1 <0>");
	expect_origins("{% set x %}{{ messages[0].content }}{% endset %}{{ x | trim }}", "q1<0>");
	expect_origins("{{ [messages[0].content, 'z'] | join('-') }}", " q1 <0>");
	expect_origins(
	    "{% for m in messages[:2] %}{% generation %}{{ m.content }}.{% endgeneration %},"
	    "{% endfor %}",
	    " q1 <0*>.<-1*>a<x>b</think>c<1*>.<-1*>");
	expect_origins("{% macro m(s) %}{% generation %}{{ s }}{% endgeneration %}{% endmacro %}"
		       "{{ 'a' ~ m('b') ~ 'c' }}",
	    "b<-1*>");
	expect_origins("{{ messages[0].content | length }}{{ messages[0].role }}", "");
	expect_origins("", "");
}

static void expect_error(const char *t, const char *want)
{
	json_t *vars = json_object();
	struct fc_jinja_out out = {0};
	struct fc_err e = {"no error"};
	render(t, strlen(t), vars, &out, &e);
	char *name = quoted(t, strlen(t));
	T_STR(e.msg, want, name);
	free(name);
	fc_jinja_out_release(&out);
	json_decref(vars);
}

static void test_messages(void)
{
	expect_error("a\nb\n{{ raise_exception('roles must alternate') }}",
	    "chat_template:3: roles must alternate");
	expect_error("\n{% for i in [1] %}\n{{ 'a' +\n 1 }}{% endfor %}",
	    "chat_template:3: can only concatenate str (not \"int\") to str");
	expect_error("{#\n\n#}{{ a.b }}", "chat_template:3: 'a' is undefined");
	expect_error(
	    "{% if x %}\n\n", "chat_template:2: the template ends where {% endif %} was expected");
	expect_error("\n{% frob %}", "chat_template:2: unknown tag 'frob'");
	expect_error("{% for i in [1] %}\n{% set x %}{% break %}{% endset %}{% endfor %}",
	    "chat_template:2: {% break %} outside of a loop");
	expect_error("{{ x | frob }}", "chat_template:1: there is no filter 'frob'");
	expect_error("{{ {'a': 1}.b.c }}", "chat_template:1: 'dict object' has no attribute 'b'");
	expect_error("{{ [].append(1) }}",
	    "chat_template:1: access to attribute 'append' of 'list' object is unsafe");
	expect_error("{{ \"\xff\" }}", "chat_template: not UTF-8");
	expect_error("{% macro m() %}\n{{ 1 + '' }}{% endmacro %}\n\n{{ m() }}",
	    "chat_template:2: unsupported operand type(s) for +: 'int' and 'str'");
}

/* Templates that would never end or never fit.  what: part of the message. */
static void expect_limit(const char *t, size_t n, const char *what)
{
	json_t *vars = json_object();
	struct fc_jinja_out out = {0};
	struct fc_err e = {"no error"};
	int ret = render(t, n, vars, &out, &e);
	T_OK(ret < 0 && strstr(e.msg, what), "%.60s: %s", t, e.msg);
	fc_jinja_out_release(&out);
	json_decref(vars);
}

static void expect_nesting(
    const char *open, const char *middle, const char *close, int levels, const char *what)
{
	struct fc_buf b = FC_BUF_INIT;
	for (int i = 0; i < levels; i++)
		fc_buf_adds(&b, open);
	fc_buf_adds(&b, middle);
	for (int i = 0; i < levels; i++)
		fc_buf_adds(&b, close);
	if (what) {
		expect_limit(b.p, b.n, what);
	} else {
		struct fc_jinja_out out = {0};
		struct fc_err e = {""};
		json_t *vars = json_object();
		T_OK(render(b.p, b.n, vars, &out, &e) == 0, "%d levels of %s %s", levels, open,
		    e.msg);
		json_decref(vars);
		fc_jinja_out_release(&out);
	}
	fc_buf_release(&b);
}

static void test_limits(void)
{
	static const char *const hostile[][2] = {
	    {"{{ 'x' * 1000000000000 }}", "too large"},
	    {"{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s + "
	     "ns.s "
	     "%}{% endfor %}",
		"bytes"},
	    {"{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l "
	     "%}{% "
	     "endfor %}",
		"bytes of memory"},
	    {"{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
		"more than"},
	    {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "levels deep"},
	    {"{% set ns = namespace(l=1) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% "
	     "endfor "
	     "%}{{ ns.l }}",
		"levels deep"},
	    {"{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "levels deep"},
	    {"{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] "
	     "%}{% "
	     "endfor %}{{ ns.l }}",
		"a text of more than"},
	    {"{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] "
	     "%}{% "
	     "endfor %}{{ ns.l == ns.l }}",
		"more than"},
	    {"{{ range(99999999) | list }}", "range of more than"},
	    {"{{ 9223372036854775807 + 1 }}", "integer overflow"},
	};
	for (size_t i = 0; i < FC_LEN(hostile); i++)
		expect_limit(hostile[i][0], strlen(hostile[i][0]), hostile[i][1]);
	expect_nesting("{{ (", "1", ") }}", 1, NULL);
	expect_nesting("(", "", ")", 5000, NULL); /* plain text */
	expect_nesting("{% if 1 %}", "x", "{% endif %}", 60, NULL);
	expect_nesting("{% if 1 %}", "x", "{% endif %}", 5000, "nested too deeply");
	expect_nesting("{{ not ", "1 }}", "", 1, NULL);
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, "{{ ");
	for (int i = 0; i < 50000; i++)
		fc_buf_adds(&b, "-");
	fc_buf_adds(&b, "1 }}");
	expect_limit(b.p, b.n, "nested too deeply");
	fc_buf_clear(&b);
	fc_buf_adds(&b, "{{ 1");
	for (int i = 0; i < 50000; i++)
		fc_buf_adds(&b, "+1");
	fc_buf_adds(&b, " }}");
	expect_limit(b.p, b.n, "nested too deeply");
	fc_buf_release(&b);
}

/* Every beginning of a template ends in a text or in an error. */
static void test_truncation(void)
{
	static const char t[] =
	    "{%- macro m(a, b='x\\n') -%}{{ a[1:] ~ b | upper }}{% endmacro %}{# c #}{% for k, v "
	    "in "
	    "{'a': [1, 2.5]}.items() if k is not none %}{{ m(k * 3) }}{% raw %}{{{% endraw %}{% "
	    "else "
	    "%}{% endfor %}{% set x = namespace(a=(1,)) %}{{ x.a[0] if x else {} }}";
	json_t *vars = json_object();
	size_t good = 0, n = sizeof t - 1;
	for (size_t i = 0; i <= n; i++) {
		struct fc_jinja_out out = {0};
		struct fc_err e;
		good += render(t, i, vars, &out, &e) == 0;
		fc_jinja_out_release(&out);
	}
	T_OK(good > 3 && good < n / 2, "%zu of %zu beginnings are templates", good, n + 1);
	json_decref(vars);
}

/* Under a limit of memory, what t makes of a text of 8 MB ends with the template's own limit, and
 * not with the program's. */
static void test_growth(const char *t, const char *content, size_t n)
{
	struct fc_jinja *j;
	struct fc_err e = {""};
	struct fc_jinja_out out = {0};
	const struct fc_jinja_message m = {.role = "user", .content = content, .n = n};
	const struct fc_jinja_input in = {.message = &m, .n_message = 1, .trial = true};
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		const struct rlimit most = {(rlim_t)256 << 20, (rlim_t)256 << 20};
		int ret = setrlimit(RLIMIT_AS, &most);
		if (ret == 0)
			ret = fc_jinja_compile(&j, t, strlen(t), "t", &e);
		_exit(ret == 0 && fc_jinja_run(j, &in, &out, &e) < 0 &&
			    (strstr(e.msg, "bytes of memory") || strstr(e.msg, "steps"))
			? 0
			: 9);
	}
	int status = 0;
	waitpid(child, &status, 0);
	T_OK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s stops while it grows", t);
}

static void test_all_growth(void)
{
	static const char *const t[] = {"{{ messages[0].content.split() | length }}",
	    "{{ messages[0].content.split('a') | length }}",
	    "{{ messages[0].content.rsplit('a', 99999999) | length }}",
	    "{{ messages[0].content.splitlines() | length }}",
	    "{{ messages[0].content | list | length }}",
	    "{{ messages[0].content | unique | list | length }}",
	    "{{ messages[0].content | sort | length }}",
	    "{% for c in messages[0].content %}{% endfor %}",
	    "{{ messages[0].content | map('upper') | list | length }}",
	    "{{ messages[0].content.upper().lower().title() | length }}",
	    "{{ messages[0].content.replace(' ', 'xyz') | length }}",
	    "{{ messages[0].content | tojson | length }}",
	    "{{ messages[0].content | indent | length }}"};
	const size_t n = 8000000;
	if (T_SANITIZED) {
		t_skip("the sanitizer's memory is no measure");
		return;
	}
	char *content = malloc(n);
	for (size_t i = 0; i < n; i++)
		content[i] = "a \n"[i % 3];
	for (size_t i = 0; i < FC_LEN(t); i++)
		test_growth(t[i], content, n);
	free(content);
}

int main(void)
{
	test_language();
	test_templates();
	test_origins();
	test_messages();
	test_limits();
	test_truncation();
	test_all_growth();
	return t_done();
}
