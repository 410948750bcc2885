/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/request/renamed.h"

#include <string.h>

#include "base/die.h"
#include "base/mem.h"

/* An option as it was, with the value it stands for (NULL: any), and the words it is now.  "=" at
 * the end of the last one: the value follows. */
static const struct {
	const char *option, *value, *now[2];
} options[] = {
    {"--weights", NULL, {"--weight="}},
    {"--by", NULL, {"--granularity="}},
    {"--measure", "square", {NULL}},
    {"--measure", "absolute", {"--absolute"}},
    {"--nuslerp", "tensor", {"--nuslerp-flatten=yes"}},
    {"--nuslerp", "rows", {"--nuslerp-flatten=no"}},
    {"--nuslerp", "columns", {"--nuslerp-flatten=no", "--nuslerp-row-wise"}},
    {"--method", "sce", {"--method=fusechat-sce"}},
    {"--method", "sce-mergekit", {"--method=mergekit-sce"}},
};

static const struct {
	const char *name, *now;
} methods[] = {{"sce-fusechat", "fusechat-sce"}, {"sce-mergekit", "mergekit-sce"}};

static struct fc_buf notes; /* lines */

/* The row for "--by", or "--by=layer"; *value is what is given, the next word where it is. */
static size_t find_option(const char *word, const char *next, const char **value)
{
	size_t n = strcspn(word, "="), i = 0;
	*value = word[n] ? word + n + 1 : next;
	for (; i < FC_LEN(options); i++)
		if (strlen(options[i].option) == n && !memcmp(options[i].option, word, n) &&
		    *value && (!options[i].value || !strcmp(options[i].value, *value)))
			break;
	return i;
}

static char *join(const char *now, const char *value)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_adds(&b, now);
	if (now[strlen(now) - 1] == '=')
		fc_buf_adds(&b, value);
	return fc_buf_detach(&b);
}

char **varm_renamed_options(int *argc, char **argv)
{
	char **word = FC_ARRAY(char *, 2 * (size_t)*argc + 1);
	int n = 0;
	for (int i = 0; i < *argc; i++) {
		const char *value;
		size_t row = FC_LEN(options);
		if (!strcmp(argv[i], "--")) {
			for (; i < *argc; i++)
				word[n++] = argv[i];
			break;
		}
		row = find_option(argv[i], i + 1 < *argc ? argv[i + 1] : NULL, &value);
		if (row == FC_LEN(options)) {
			word[n++] = argv[i];
			continue;
		}
		int first = n;
		for (int k = 0; k < 2 && options[row].now[k]; k++)
			word[n++] = join(options[row].now[k], value);
		fc_buf_addf(&notes, "%s %s is now written ", options[row].option, value);
		for (int k = first; k < n; k++)
			fc_buf_addf(&notes, "%s ", word[k]);
		fc_buf_adds(&notes, n > first ? "\n" : "by leaving it out\n");
		i += !strchr(argv[i], '=');
	}
	*argc = n;
	return word;
}

void varm_renamed_note(void)
{
	for (char *at = notes.p, *end; at && (end = strchr(at, '\n')); at = end + 1)
		fc_note("%.*s", (int)(end - at - (end[-1] == ' ')), at);
	fc_buf_release(&notes);
}

const struct method *varm_renamed_method(const char *name)
{
	const struct method *m = varm_method_find_recipe(name);
	for (size_t i = 0; i < FC_LEN(methods) && !m; i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		m = varm_method_find(methods[i].now);
		fc_note("merge_method: %s is now called %s", name, methods[i].now);
	}
	return m;
}

/* The default of fusechat-sce is FuseChat's, on the command line as in recipes. */
void varm_renamed_settings(const char *name, struct settings *s)
{
	if (!strcmp(name, "sce-fusechat"))
		s->select_topk = 1;
}
