/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the metadata; that they are whole was checked when the file was opened. */
#include <string.h>

#include "store/gguf_file.h"

enum kind { INTEGER, REAL, BOOL, STRING, ARRAY };
static const char *const kind_name[] = {"an integer", "a number", "a bool", "a string", "an array"};

static bool is_integer(enum fc_gguf_type t)
{
	return t <= FC_GGUF_I32 || t == FC_GGUF_U64 || t == FC_GGUF_I64;
}

static bool is_kind(enum fc_gguf_type t, enum kind k)
{
	switch (k) {
	case INTEGER:
		return is_integer(t);
	case REAL:
		return is_integer(t) || t == FC_GGUF_F32 || t == FC_GGUF_F64;
	case BOOL:
		return t == FC_GGUF_BOOL;
	case STRING:
		return t == FC_GGUF_STRING;
	case ARRAY:
		break;
	}
	return t == FC_GGUF_ARRAY;
}

/* 1: there is one of this kind; 0: the key is missing. */
static int find_key(const struct fc_gguf *g, const char *key, enum kind k,
    const struct fc_gguf_kv **kv, struct fc_err *e)
{
	*kv = fc_gguf_file_find(&g->file[0], key);
	if (!*kv)
		return 0;
	if (!is_kind((*kv)->type, k))
		return fc_fail(e, "%s: key %s: a value of type %s, expected %s", fc_gguf_path(g),
		    key, fc_gguf_type_name((*kv)->type), kind_name[k]);
	return 1;
}

static int64_t integer_at(const unsigned char *p, enum fc_gguf_type t)
{
	const uint64_t u = fc_gguf_type_size(t) == 8 ? fc_gguf_u64(p) : 0;
	switch (t) {
	case FC_GGUF_I8:
		return (int8_t)p[0];
	case FC_GGUF_U16:
		return p[0] | p[1] << 8;
	case FC_GGUF_I16:
		return (int16_t)(p[0] | p[1] << 8);
	case FC_GGUF_U32:
		return fc_gguf_u32(p);
	case FC_GGUF_I32:
		return (int32_t)fc_gguf_u32(p);
	case FC_GGUF_U64:
		return u > INT64_MAX ? INT64_MAX : (int64_t)u;
	case FC_GGUF_I64:
		return (int64_t)u;
	default: /* U8, BOOL */
		return p[0];
	}
}

static double real_at(const unsigned char *p, enum fc_gguf_type t)
{
	double v;
	if (t == FC_GGUF_F32 || t == FC_GGUF_F64)
		fc_to_f64(&v, p, t == FC_GGUF_F32 ? FC_F32 : FC_F64, 1);
	else
		v = (double)integer_at(p, t);
	return v;
}

bool fc_gguf_has(const struct fc_gguf *g, const char *key)
{
	return fc_gguf_file_find(&g->file[0], key) != NULL;
}

int fc_gguf_int(
    const struct fc_gguf *g, const char *key, int64_t def, int64_t *out, struct fc_err *e)
{
	const struct fc_gguf_kv *kv;
	const int there = find_key(g, key, INTEGER, &kv, e);
	if (there < 0)
		return -1;
	*out = there ? integer_at(kv->p, kv->type) : def;
	return 0;
}

int fc_gguf_real(
    const struct fc_gguf *g, const char *key, double def, double *out, struct fc_err *e)
{
	const struct fc_gguf_kv *kv;
	const int there = find_key(g, key, REAL, &kv, e);
	if (there < 0)
		return -1;
	*out = there ? real_at(kv->p, kv->type) : def;
	return 0;
}

int fc_gguf_bool(const struct fc_gguf *g, const char *key, bool def, bool *out, struct fc_err *e)
{
	const struct fc_gguf_kv *kv;
	const int there = find_key(g, key, BOOL, &kv, e);
	if (there < 0)
		return -1;
	*out = there ? kv->p[0] : def;
	return 0;
}

int fc_gguf_string(
    const struct fc_gguf *g, const char *key, struct fc_gguf_str *out, struct fc_err *e)
{
	const struct fc_gguf_kv *kv;
	const int there = find_key(g, key, STRING, &kv, e);
	*out = (struct fc_gguf_str){NULL, 0};
	if (there > 0)
		*out = (struct fc_gguf_str){(const char *)kv->p + 8, fc_gguf_u64(kv->p)};
	return there < 0 ? -1 : 0;
}

int fc_gguf_array(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e)
{
	const struct fc_gguf_kv *kv;
	const int there = find_key(g, key, ARRAY, &kv, e);
	*out = (struct fc_gguf_array){FC_GGUF_U8, 0, NULL};
	if (there > 0)
		*out = (struct fc_gguf_array){
		    (enum fc_gguf_type)fc_gguf_u32(kv->p), fc_gguf_u64(kv->p + 4), kv->p + 12};
	return there < 0 ? -1 : 0;
}

static int array_of(const struct fc_gguf *g, const char *key, enum kind k, const char *expected,
    struct fc_gguf_array *out, struct fc_err *e)
{
	if (fc_gguf_array(g, key, out, e) < 0)
		return -1;
	if (out->p && !is_kind(out->type, k))
		return fc_fail(e, "%s: key %s: an array of type %s, expected %s", fc_gguf_path(g),
		    key, fc_gguf_type_name(out->type), expected);
	return 0;
}

int fc_gguf_strings(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e)
{
	return array_of(g, key, STRING, "strings", out, e);
}

int fc_gguf_ints(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e)
{
	return array_of(g, key, INTEGER, "integers", out, e);
}

int fc_gguf_reals(
    const struct fc_gguf *g, const char *key, struct fc_gguf_array *out, struct fc_err *e)
{
	return array_of(g, key, REAL, "numbers", out, e);
}

bool fc_gguf_next_str(struct fc_gguf_array *a, struct fc_gguf_str *out)
{
	if (!a->n || a->type != FC_GGUF_STRING)
		return false;
	*out = (struct fc_gguf_str){(const char *)a->p + 8, fc_gguf_u64(a->p)};
	a->p += 8 + out->n;
	a->n--;
	return true;
}

bool fc_gguf_next_int(struct fc_gguf_array *a, int64_t *out)
{
	if (!a->n || !(is_integer(a->type) || a->type == FC_GGUF_BOOL))
		return false;
	*out = integer_at(a->p, a->type);
	a->p += fc_gguf_type_size(a->type);
	a->n--;
	return true;
}

bool fc_gguf_next_real(struct fc_gguf_array *a, double *out)
{
	if (!a->n || !is_kind(a->type, REAL))
		return false;
	*out = real_at(a->p, a->type);
	a->p += fc_gguf_type_size(a->type);
	a->n--;
	return true;
}

size_t fc_gguf_n_key(const struct fc_gguf *g)
{
	return g->file[0].n_kv;
}

struct fc_gguf_str fc_gguf_key(const struct fc_gguf *g, size_t i)
{
	return g->file[0].kv[i].key;
}
