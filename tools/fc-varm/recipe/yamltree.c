/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/recipe/yamltree.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#include "base/mem.h"

struct anchor {
	char *name;
	const struct yaml *node; /* read to its end: no node contains an alias of itself */
};

struct parse {
	yaml_parser_t parser;
	const char *name;
	size_t n_node, n_text;
	struct anchor *anchor; /* of this document; the last one of a name counts */
	size_t n_anchor, cap;
};

static void node_free(struct yaml *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++) {
		if (v->kind == YAML_MAP)
			node_free(v->key[i]);
		node_free(v->item[i]);
	}
	free(v->text);
	free(v->key);
	free(v->item);
	free(v);
}

/* Room for one more item of v; it is NULL, and so is its key. */
static void node_extend(struct yaml *v)
{
	FC_GROW(v->item, v->cap, v->n + 1);
	v->item[v->n] = NULL;
	if (v->kind == YAML_MAP) {
		FC_GROW(v->key, v->cap_key, v->n + 1);
		v->key[v->n] = NULL;
	}
	v->n++;
}

/* NULL beyond the ceilings. */
static struct yaml *node_new(struct parse *p, enum yaml_kind kind, int line, const char *text,
    size_t n_text, int depth, struct fc_err *e)
{
	p->n_text += n_text;
	if (++p->n_node > YAML_MAX_NODES || p->n_text > YAML_MAX_BYTES)
		fc_fail(e, "%s:%d: more than %d values or %zu bytes, copies by aliases counted",
		    p->name, line, YAML_MAX_NODES, YAML_MAX_BYTES);
	else if (depth > YAML_MAX_DEPTH)
		fc_fail(e, "%s:%d: nested more than %d deep", p->name, line, YAML_MAX_DEPTH);
	else if (text && memchr(text, 0, n_text))
		fc_fail(e, "%s:%d: NUL in a text", p->name, line);
	else {
		struct yaml *v = FC_NEW(struct yaml);
		v->kind = kind;
		v->line = line;
		v->text = text ? fc_memdup0(text, n_text) : NULL;
		return v;
	}
	return NULL;
}

static struct yaml *copy(struct parse *p, const struct yaml *from, int depth, struct fc_err *e)
{
	struct yaml *v = node_new(
	    p, from->kind, from->line, from->text, from->text ? strlen(from->text) : 0, depth, e);
	if (!v)
		return NULL;
	v->plain = from->plain;
	for (size_t i = 0; i < from->n; i++) {
		node_extend(v);
		if (from->kind == YAML_MAP)
			v->key[i] = copy(p, from->key[i], depth + 1, e);
		if (from->kind == YAML_LIST || v->key[i])
			v->item[i] = copy(p, from->item[i], depth + 1, e);
		if (!v->item[i]) {
			node_free(v);
			return NULL;
		}
	}
	return v;
}

static int next(struct parse *p, yaml_event_t *event, struct fc_err *e)
{
	if (yaml_parser_parse(&p->parser, event))
		return 0;
	return fc_fail(e, "%s:%zu: %s", p->name, p->parser.problem_mark.line + 1,
	    p->parser.problem ? p->parser.problem : "not YAML");
}

static size_t find_key(const struct yaml *map, size_t n, const char *key)
{
	size_t i = 0;
	while (i < n && strcmp(map->key[i]->text, key) != 0)
		i++;
	return i;
}

/* Adds the pairs whose keys are not there yet. */
static int merge_map(
    struct parse *p, struct yaml *v, const struct yaml *from, int depth, struct fc_err *e)
{
	if (from->kind != YAML_MAP)
		return fc_fail(e, "%s:%d: << takes a map or a list of maps", p->name, from->line);
	for (size_t i = 0; i < from->n; i++) {
		size_t n = v->n;
		if (find_key(v, n, from->key[i]->text) < n)
			continue;
		node_extend(v);
		v->key[n] = copy(p, from->key[i], depth, e);
		v->item[n] = v->key[n] ? copy(p, from->item[i], depth, e) : NULL;
		if (!v->item[n])
			return -1;
	}
	return 0;
}

/* Replaces a merge key by what it brings; what the map says itself comes first. */
static int resolve_merge(struct parse *p, struct yaml *v, int depth, struct fc_err *e)
{
	size_t at = find_key(v, v->n, "<<");
	int ret = 0;
	if (at == v->n || !v->key[at]->plain)
		return 0;
	struct yaml *from = v->item[at];
	node_free(v->key[at]);
	v->n--;
	memmove(v->key + at, v->key + at + 1, (v->n - at) * sizeof *v->key);
	memmove(v->item + at, v->item + at + 1, (v->n - at) * sizeof *v->item);
	if (from->kind != YAML_LIST)
		ret = merge_map(p, v, from, depth, e);
	for (size_t i = 0; from->kind == YAML_LIST && i < from->n && ret == 0; i++)
		ret = merge_map(p, v, from->item[i], depth, e);
	node_free(from);
	return ret;
}

static struct yaml *read_node(
    struct parse *p, const yaml_event_t *event, int depth, struct fc_err *e);

/* Reads the value that comes next into *v; *end, if not NULL: the list or map ends instead. */
static int read_next(struct parse *p, struct yaml **v, bool *end, int depth, struct fc_err *e)
{
	yaml_event_t event;
	if (next(p, &event, e) < 0)
		return -1;
	bool ends = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
	if (end)
		*end = ends;
	*v = ends ? NULL : read_node(p, &event, depth, e);
	yaml_event_delete(&event);
	return *v || ends ? 0 : -1;
}

/* v's last key was just read. */
static int check_key(const struct parse *p, const struct yaml *v, struct fc_err *e)
{
	const struct yaml *key = v->key[v->n - 1];
	if (key->kind != YAML_TEXT)
		return fc_fail(e, "%s:%d: a list or map as a key", p->name, key->line);
	size_t same = find_key(v, v->n - 1, key->text);
	if (same < v->n - 1)
		return fc_fail(e, "%s:%d: key '%.64s' given twice, first in line %d", p->name,
		    key->line, key->text, v->key[same]->line);
	return 0;
}

static int read_list(struct parse *p, struct yaml *v, int depth, struct fc_err *e)
{
	for (;;) {
		struct yaml *item;
		bool end;
		if (read_next(p, &item, &end, depth, e) < 0)
			return -1;
		if (end)
			return 0;
		node_extend(v);
		v->item[v->n - 1] = item;
	}
}

static int read_map(struct parse *p, struct yaml *v, int depth, struct fc_err *e)
{
	for (;;) {
		struct yaml *key;
		bool end;
		if (read_next(p, &key, &end, depth, e) < 0)
			return -1;
		if (end)
			return resolve_merge(p, v, depth, e);
		node_extend(v);
		v->key[v->n - 1] = key;
		if (check_key(p, v, e) < 0 || read_next(p, &v->item[v->n - 1], NULL, depth, e) < 0)
			return -1;
	}
}

static struct yaml *read_alias(
    struct parse *p, const char *name, int line, int depth, struct fc_err *e)
{
	for (size_t i = p->n_anchor; i-- > 0;)
		if (!strcmp(p->anchor[i].name, name))
			return copy(p, p->anchor[i].node, depth, e);
	fc_fail(e, "%s:%d: alias *%.64s names nothing that ended before it", p->name, line, name);
	return NULL;
}

/* The value that event begins. */
static struct yaml *read_node(
    struct parse *p, const yaml_event_t *event, int depth, struct fc_err *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	int line = (int)event->start_mark.line + 1, ret = 0; /* the file is short */
	struct yaml *v = NULL;
	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(p, (const char *)event->data.alias.anchor, line, depth, e);
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		v = node_new(p, YAML_TEXT, line, (const char *)event->data.scalar.value,
		    event->data.scalar.length, depth, e);
		if (v)
			v->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		v = node_new(p, YAML_LIST, line, NULL, 0, depth, e);
		ret = v ? read_list(p, v, depth + 1, e) : -1;
	} else {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		v = node_new(p, YAML_MAP, line, NULL, 0, depth, e);
		ret = v ? read_map(p, v, depth + 1, e) : -1;
	}
	if (v && ret == 0 && tag)
		ret = fc_fail(
		    e, "%s:%d: tag %.64s: no tags are read", p->name, line, (const char *)tag);
	if (!v || ret < 0) {
		node_free(v);
		return NULL;
	}
	if (anchor) {
		FC_GROW(p->anchor, p->cap, p->n_anchor + 1);
		p->anchor[p->n_anchor++] = (struct anchor){fc_strdup((const char *)anchor), v};
	}
	return v;
}

static void forget_anchors(struct parse *p)
{
	for (size_t i = 0; i < p->n_anchor; i++)
		free(p->anchor[i].name);
	p->n_anchor = 0;
}

static int read_documents(struct parse *p, struct yaml_file *f, struct fc_err *e)
{
	for (;;) {
		yaml_event_t event;
		if (next(p, &event, e) < 0)
			return -1;
		yaml_event_type_t type = event.type;
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT)
			return 0;
		if (type != YAML_DOCUMENT_START_EVENT)
			continue;
		FC_GROW(f->doc, f->cap, f->n_doc + 1);
		if (read_next(p, &f->doc[f->n_doc], NULL, 1, e) < 0)
			return -1;
		f->n_doc++;
		forget_anchors(p);
	}
}

int varm_yaml_parse(
    struct yaml_file *f, const char *text, size_t n, const char *name, struct fc_err *e)
{
	struct parse p = {.name = name};
	*f = (struct yaml_file){0};
	if (n > YAML_MAX_BYTES)
		return fc_fail(e, "%s: more than %zu bytes", name, YAML_MAX_BYTES);
	if (!yaml_parser_initialize(&p.parser))
		return fc_fail(e, "%s: out of memory", name);
	yaml_parser_set_input_string(&p.parser, (const unsigned char *)text, n);
	int ret = read_documents(&p, f, e);
	yaml_parser_delete(&p.parser);
	forget_anchors(&p);
	free(p.anchor);
	return ret;
}

void varm_yaml_release(struct yaml_file *f)
{
	for (size_t i = 0; i < f->n_doc; i++)
		node_free(f->doc[i]);
	free(f->doc);
	*f = (struct yaml_file){0};
}

const struct yaml *varm_yaml_get(const struct yaml *map, const char *key)
{
	size_t i = map->kind == YAML_MAP ? find_key(map, map->n, key) : map->n;
	return i < map->n ? map->item[i] : NULL;
}

bool varm_yaml_is_null(const struct yaml *v)
{
	return v->kind == YAML_TEXT && v->plain &&
	    (!*v->text || !strcmp(v->text, "~") || !strcasecmp(v->text, "null"));
}

bool varm_yaml_bool(const struct yaml *v, bool *out)
{
	static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
	if (v->kind != YAML_TEXT)
		return false;
	for (size_t i = 0; i < FC_LEN(words); i++) {
		if (!strcasecmp(v->text, words[i])) {
			*out = i >= FC_LEN(words) / 2;
			return true;
		}
	}
	return false;
}

/* Decimal only: what else YAML 1.1 calls a number (octal, hexadecimal, base 60) is surely a slip.
 */
bool varm_yaml_real(const struct yaml *v, double *out)
{
	bool truth;
	if (v->kind != YAML_TEXT)
		return false;
	const char *p = v->text + (*v->text == '-' || *v->text == '+');
	size_t n = strspn(p, "0123456789"), rest = strspn(p, "0123456789.eE+-");
	if (rest && !p[rest] && !(p[0] == '0' && n > 1)) {
		char *end;
		errno = 0;
		*out = strtod(v->text, &end);
		return !*end && isfinite(*out);
	}
	if (!isalpha((unsigned char)*p) || !varm_yaml_bool(v, &truth))
		return false;
	*out = truth;
	return true;
}

bool varm_yaml_int(const struct yaml *v, int *out)
{
	double x;
	if (!varm_yaml_real(v, &x) || x != floor(x) || fabs(x) > INT_MAX)
		return false;
	*out = (int)x;
	return true;
}
