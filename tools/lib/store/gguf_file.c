/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gguf_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/utf8.h"

/* What is still to be read of the header. */
struct cursor {
	const unsigned char *p, *end;
	const char *path;
	struct fc_err *e;
};

static size_t bytes_left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* n bytes, or NULL with a message; what: the part of the file they belong to. */
static const unsigned char *take_bytes(struct cursor *c, uint64_t n, const char *what)
{
	if (n > bytes_left(c)) {
		fc_fail(c->e, "%s: cut off in %s", c->path, what);
		return NULL;
	}
	c->p += n;
	return c->p - n;
}

static int take_u32(struct cursor *c, uint32_t *v, const char *what)
{
	const unsigned char *p = take_bytes(c, 4, what);
	if (!p)
		return -1;
	*v = fc_gguf_u32(p);
	return 0;
}

static int take_u64(struct cursor *c, uint64_t *v, const char *what)
{
	const unsigned char *p = take_bytes(c, 8, what);
	if (!p)
		return -1;
	*v = fc_gguf_u64(p);
	return 0;
}

static int take_str(struct cursor *c, struct fc_gguf_str *s, const char *what)
{
	uint64_t n;
	if (take_u64(c, &n, what) < 0)
		return -1;
	const unsigned char *p = take_bytes(c, n, what);
	*s = (struct fc_gguf_str){(const char *)p, n};
	return p ? 0 : -1;
}

static int check_type(const struct cursor *c, uint32_t type, const char *key)
{
	if (type < FC_GGUF_TYPE_N)
		return 0;
	return fc_fail(
	    c->e, "%s: key %s: type %" PRIu32 " is not one of GGUF's", c->path, key, type);
}

static int check_bools(const struct cursor *c, enum fc_gguf_type type, const unsigned char *p,
    uint64_t n, const char *key)
{
	for (uint64_t i = 0; type == FC_GGUF_BOOL && i < n; i++)
		if (p[i] > 1)
			return fc_fail(
			    c->e, "%s: key %s: a bool of %d, expected 0 or 1", c->path, key, p[i]);
	return 0;
}

/* Moves over n values of a type.  Every value takes a byte at least, so that a count beyond the
 * file's bytes ends at their end. */
static int skip_values(struct cursor *c, uint32_t type, uint64_t n, const char *key, int depth)
{
	const size_t size = fc_gguf_type_size((enum fc_gguf_type)type);
	if (size) {
		if (n > bytes_left(c) / size)
			return fc_fail(c->e,
			    "%s: key %s: %" PRIu64 " values do not fit in the file", c->path, key,
			    n);
		const unsigned char *p = take_bytes(c, n * size, key);
		return check_bools(c, (enum fc_gguf_type)type, p, n, key);
	}
	if (depth > FC_GGUF_DEPTH_MAX)
		return fc_fail(c->e, "%s: key %s: arrays nested more than %d deep", c->path, key,
		    FC_GGUF_DEPTH_MAX);
	for (uint64_t i = 0; i < n; i++) {
		struct fc_gguf_str s;
		uint32_t inner;
		uint64_t m;
		if (type == FC_GGUF_STRING) {
			if (take_str(c, &s, key) < 0)
				return -1;
			continue;
		}
		if (take_u32(c, &inner, key) < 0 || check_type(c, inner, key) < 0 ||
		    take_u64(c, &m, key) < 0 || skip_values(c, inner, m, key, depth + 1) < 0)
			return -1;
	}
	return 0;
}

static int check_key(const struct cursor *c, const struct fc_gguf_str *key, uint64_t i)
{
	if (key->n == 0 || key->n > FC_GGUF_KEY_MAX)
		return fc_fail(c->e, "%s: key %" PRIu64 ": %zu bytes, expected 1 to %d", c->path, i,
		    key->n, FC_GGUF_KEY_MAX);
	for (size_t j = 0; j < key->n; j++)
		if (key->p[j] <= ' ' || key->p[j] > '~')
			return fc_fail(c->e, "%s: key %" PRIu64 ": byte %zu is not printable ASCII",
			    c->path, i, j);
	return 0;
}

static int read_kv(struct cursor *c, struct fc_gguf_kv *kv, uint64_t i)
{
	uint32_t type;
	char key[80];
	if (take_str(c, &kv->key, "the keys of its metadata") < 0 || check_key(c, &kv->key, i) < 0)
		return -1;
	snprintf(key, sizeof key, "%.*s", (int)(kv->key.n < 79 ? kv->key.n : 79), kv->key.p);
	if (take_u32(c, &type, key) < 0 || check_type(c, type, key) < 0)
		return -1;
	kv->type = (enum fc_gguf_type)type;
	kv->p = c->p;
	if (skip_values(c, type, 1, key, 0) < 0)
		return -1;
	kv->n_bytes = (size_t)(c->p - kv->p);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct fc_gguf_str *x = &(*(const struct fc_gguf_kv *const *)a)->key;
	const struct fc_gguf_str *y = &(*(const struct fc_gguf_kv *const *)b)->key;
	const int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
	return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

static int check_keys(const struct fc_gguf_file *f, struct fc_err *e)
{
	const struct fc_gguf_kv **sorted = FC_ARRAY(const struct fc_gguf_kv *, f->n_kv + 1);
	int ret = 0;
	for (size_t i = 0; i < f->n_kv; i++)
		sorted[i] = &f->kv[i];
	qsort(sorted, f->n_kv, sizeof *sorted, by_key);
	for (size_t i = 1; i < f->n_kv && ret == 0; i++)
		if (by_key(&sorted[i - 1], &sorted[i]) == 0)
			ret = fc_fail(e, "%s: key %.*s is there twice", f->path,
			    (int)(sorted[i]->key.n < 80 ? sorted[i]->key.n : 80), sorted[i]->key.p);
	free(sorted);
	return ret;
}

static int read_name(struct cursor *c, const char **name, uint64_t i)
{
	struct fc_gguf_str s;
	if (take_str(c, &s, "the names of its tensors") < 0)
		return -1;
	if (s.n == 0 || s.n > FC_GGUF_NAME_MAX)
		return fc_fail(c->e,
		    "%s: tensor %" PRIu64 ": a name of %zu bytes, expected 1 to %d", c->path, i,
		    s.n, FC_GGUF_NAME_MAX);
	if (memchr(s.p, 0, s.n) || fc_utf8_check(s.p, s.n) != s.n)
		return fc_fail(
		    c->e, "%s: tensor %" PRIu64 ": its name is not UTF-8 text", c->path, i);
	*name = fc_memdup0(s.p, s.n);
	return 0;
}

static int read_shape(struct cursor *c, struct fc_tensor *t)
{
	uint32_t n_dim;
	if (take_u32(c, &n_dim, t->name) < 0)
		return -1;
	if (n_dim > FC_GGUF_DIM_MAX)
		return fc_fail(c->e, "%s: tensor %s: %" PRIu32 " dimensions, expected at most %d",
		    c->path, t->name, n_dim, FC_GGUF_DIM_MAX);
	t->n_dim = (int)n_dim;
	for (int i = t->n_dim - 1; i >= 0; i--) { /* the fastest comes first in the file */
		uint64_t dim;
		if (take_u64(c, &dim, t->name) < 0)
			return -1;
		if (dim > INT64_MAX)
			return fc_fail(c->e, "%s: tensor %s: the size of its shape overflows",
			    c->path, t->name);
		t->dim[i] = (int64_t)dim;
	}
	return 0;
}

/* *at: the offset from the beginning of the data. */
static int read_tensor(struct cursor *c, struct fc_tensor *t, uint64_t i, uint64_t *at)
{
	uint32_t type;
	const char *type_name;
	char shape[192];
	if (read_name(c, &t->name, i) < 0 || read_shape(c, t) < 0 ||
	    take_u32(c, &type, t->name) < 0)
		return -1;
	if (!fc_gguf_dtype(type, &t->dtype, &type_name)) {
		if (type_name)
			return fc_fail(c->e,
			    "%s: tensor %s: type %s is not supported; requantize the model",
			    c->path, t->name, type_name);
		return fc_fail(c->e, "%s: tensor %s: type %" PRIu32 " is not one of GGUF's",
		    c->path, t->name, type);
	}
	size_t count;
	if (!fc_tensor_count(t, &count))
		return fc_fail(
		    c->e, "%s: tensor %s: the size of its shape overflows", c->path, t->name);
	if (!fc_tensor_bytes(t, &t->n_bytes))
		return fc_fail(c->e,
		    "%s: tensor %s: shape %s of type %s: expected rows of a multiple of %zu and "
		    "a size below 2^64",
		    c->path, t->name, fc_tensor_shape_text(t, shape), type_name,
		    fc_dtype_block(t->dtype));
	return take_u64(c, at, t->name);
}

/* Of the places of tensors; for the check that none share bytes. */
struct place {
	uint64_t at;
	struct fc_tensor *t;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->t->n_bytes < y->t->n_bytes ? -1 : x->t->n_bytes > y->t->n_bytes;
}

static int check_places(const struct fc_gguf_file *f, struct place *place, size_t align,
    struct fc_err *e, size_t n_data)
{
	qsort(place, f->n_tensor, sizeof *place, by_place);
	for (size_t i = 0; i < f->n_tensor; i++) {
		const char *name = place[i].t->name;
		const uint64_t at = place[i].at;
		if (at % align)
			return fc_fail(e,
			    "%s: tensor %s: offset %" PRIu64
			    " is not a multiple of the alignment %zu",
			    f->path, name, at, align);
		if (at > n_data || place[i].t->n_bytes > n_data - at)
			return fc_fail(e,
			    "%s: tensor %s: %zu bytes at %" PRIu64
			    " of the data, but the file has %zu (cut off?)",
			    f->path, name, place[i].t->n_bytes, at, n_data);
		if (i && place[i - 1].at + place[i - 1].t->n_bytes > at)
			return fc_fail(e, "%s: tensors %s and %s share bytes", f->path,
			    place[i - 1].t->name, name);
	}
	return 0;
}

static int find_align(const struct fc_gguf_file *f, size_t *align, struct fc_err *e)
{
	const struct fc_gguf_kv *kv = fc_gguf_file_find(f, "general.alignment");
	*align = FC_GGUF_ALIGN;
	if (!kv)
		return 0;
	if (kv->type != FC_GGUF_U32)
		return fc_fail(e, "%s: key general.alignment: a value of type %s, expected u32",
		    f->path, fc_gguf_type_name(kv->type));
	*align = fc_gguf_u32(kv->p);
	if (*align == 0 || *align % 8 || *align > FC_GGUF_ALIGN_MAX)
		return fc_fail(e,
		    "%s: key general.alignment: %zu, expected a multiple of 8 up to %u", f->path,
		    *align, FC_GGUF_ALIGN_MAX);
	return 0;
}

static int read_tensors(struct fc_gguf_file *f, struct cursor *c, uint64_t n)
{
	/* name's length and a byte, dimensions, type, offset */
	enum { LEAST_BYTES = 8 + 1 + 4 + 4 + 8 };
	size_t align;
	if (n > bytes_left(c) / LEAST_BYTES)
		return fc_fail(c->e, "%s: %" PRIu64 " tensors do not fit in the file", f->path, n);
	if (find_align(f, &align, c->e) < 0)
		return -1;
	f->tensor = FC_ARRAY(struct fc_tensor, n + 1);
	struct place *place = FC_ARRAY(struct place, n + 1);
	int ret = 0;
	while (f->n_tensor < n && ret == 0) {
		struct fc_tensor *t = &f->tensor[f->n_tensor];
		ret = read_tensor(c, t, f->n_tensor, &place[f->n_tensor].at);
		place[f->n_tensor].t = t;
		f->n_tensor += t->name != NULL;
	}
	const size_t header = f->map.n_bytes - bytes_left(c);
	const size_t base = (header + align - 1) / align * align;
	const size_t n_data = base < f->map.n_bytes ? f->map.n_bytes - base : 0;
	if (ret == 0)
		ret = check_places(f, place, align, c->e, n_data);
	for (size_t i = 0; ret == 0 && i < f->n_tensor; i++)
		place[i].t->data = (const char *)f->map.p + base + place[i].at;
	free(place);
	return ret;
}

static int read_header(struct fc_gguf_file *f, struct cursor *c)
{
	enum { LEAST_BYTES = 8 + 1 + 4 + 1 }; /* of a key with its value */
	uint32_t version;
	uint64_t n_tensor, n_kv;
	const unsigned char *magic = take_bytes(c, 4, "its magic number");
	if (!magic)
		return -1;
	if (memcmp(magic, "GGUF", 4))
		return fc_fail(c->e, "%s: not a GGUF file", f->path);
	if (take_u32(c, &version, "its version") < 0)
		return -1;
	if ((version & 0xffff) == 0)
		return fc_fail(c->e, "%s: a GGUF file of a big-endian machine", f->path);
	if (version != 2 && version != 3)
		return fc_fail(
		    c->e, "%s: GGUF version %" PRIu32 ", expected 2 or 3", f->path, version);
	if (take_u64(c, &n_tensor, "its counts") < 0 || take_u64(c, &n_kv, "its counts") < 0)
		return -1;
	if (n_kv > bytes_left(c) / LEAST_BYTES)
		return fc_fail(c->e, "%s: %" PRIu64 " keys do not fit in the file", f->path, n_kv);
	f->kv = FC_ARRAY(struct fc_gguf_kv, n_kv + 1);
	for (; f->n_kv < n_kv; f->n_kv++)
		if (read_kv(c, &f->kv[f->n_kv], f->n_kv) < 0)
			return -1;
	if (check_keys(f, c->e) < 0)
		return -1;
	return read_tensors(f, c, n_tensor);
}

int fc_gguf_file_open(struct fc_gguf_file *f, const char *path, struct fc_err *e)
{
	*f = (struct fc_gguf_file){.n_kv = 0};
	if (fc_mapped_open(&f->map, path, e) < 0)
		return -1;
	f->path = fc_strdup(path);
	const unsigned char *p = f->map.p;
	struct cursor c = {p, p ? p + f->map.n_bytes : NULL, f->path, e};
	const int ret = read_header(f, &c);
	if (ret < 0)
		fc_gguf_file_close(f);
	return ret;
}

void fc_gguf_file_close(struct fc_gguf_file *f)
{
	for (size_t i = 0; i < f->n_tensor; i++)
		free((char *)(uintptr_t)f->tensor[i].name);
	free(f->tensor);
	free(f->kv);
	free(f->path);
	fc_mapped_close(&f->map);
	*f = (struct fc_gguf_file){.n_kv = 0};
}

const struct fc_gguf_kv *fc_gguf_file_find(const struct fc_gguf_file *f, const char *key)
{
	const size_t n = strlen(key);
	for (size_t i = 0; i < f->n_kv; i++)
		if (f->kv[i].key.n == n && !memcmp(f->kv[i].key.p, key, n))
			return &f->kv[i];
	return NULL;
}

const char *fc_gguf_path(const struct fc_gguf *g)
{
	return g->file[0].path;
}
