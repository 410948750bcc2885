/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/source/adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "fc-varm/source/adapter_start.h"
#include "fc-varm/source/layername.h"
#include "store/adapter_config.h"

#define PREFIX "base_model.model."
#define FACTOR_BLOCK 512 /* elements of a factor converted at a time */

/* scale * B A, which is added to a tensor. */
struct product {
	const struct fc_tensor *a; /* [r, in] */
	const struct fc_tensor *b; /* [out, r] */
	double scale;
};

/* What happens to one tensor of the model. */
struct update {
	char *name;                        /* of the model's tensor */
	struct product trained;            /* a and b NULL: none of the factors was met */
	struct product start;              /* a NULL: there is none; never transposed */
	struct fc_tensor start_a, start_b; /* made here; data owned */
	const struct fc_tensor *magnitude; /* [out], or NULL */
	const struct fc_tensor *whole;     /* replaces the tensor, or NULL */
	bool transposed;                   /* W is [in, out]: B A is added transposed */
	double *stretch;                   /* [out], with a magnitude: factor of each row */
	struct values w; /* set by varm_adapter_values(): what the product is added to */
};

struct adapter {
	struct fc_adapter_config config;
	struct fc_store *store;
	struct update *update; /* [n], sorted by name */
	size_t n;
	uint64_t fingerprint;
};

/* How the names of an adapter's tensors end, after that of the module. */
enum part { PART_A, PART_B, PART_EMBEDDING_A, PART_EMBEDDING_B, PART_MAGNITUDE, PART_WHOLE };
static const struct {
	const char *end, *then; /* end, and what the model's tensor has in its place */
	enum part part;
} parts[] = {
    {".lora_A.weight", ".weight", PART_A},
    {".lora_B.weight", ".weight", PART_B},
    {".lora_embedding_A", ".weight", PART_EMBEDDING_A},
    {".lora_embedding_B", ".weight", PART_EMBEDDING_B},
    {".lora_magnitude_vector", ".weight", PART_MAGNITUDE},
    {".lora_magnitude_vector.weight", ".weight", PART_MAGNITUDE},
    {".modules_to_save.weight", ".weight", PART_WHOLE},
    {".modules_to_save.bias", ".bias", PART_WHOLE},
    {".base_layer.weight", ".weight", PART_WHOLE},
    {".base_layer.bias", ".bias", PART_WHOLE},
    {"", "", PART_WHOLE},
};

/* The model's name for the adapter's tensor; the caller's to free(). */
static char *target_name(const char *name, enum part *part)
{
	size_t skip = strncmp(name, PREFIX, sizeof PREFIX - 1) ? 0 : sizeof PREFIX - 1;
	size_t n = strlen(name += skip), i = 0, m;
	while ((m = strlen(parts[i].end)) > n || strcmp(name + n - m, parts[i].end) != 0)
		i++;
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_add(&b, name, n - m);
	fc_buf_adds(&b, parts[i].then);
	*part = parts[i].part;
	return fc_buf_detach(&b);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct update *)a)->name, ((const struct update *)b)->name);
}

/* One tensor of the adapter as an update of its own. */
static int make_update(
    const struct adapter *a, const struct fc_tensor *t, struct update *u, struct fc_err *e)
{
	enum part part;
	*u = (struct update){.name = target_name(t->name, &part)};
	if (part == PART_A || part == PART_EMBEDDING_A)
		u->trained.a = t;
	else if (part == PART_B || part == PART_EMBEDDING_B)
		u->trained.b = t;
	else if (part == PART_MAGNITUDE)
		u->magnitude = t;
	else
		u->whole = t;
	u->transposed = part == PART_EMBEDDING_A || part == PART_EMBEDDING_B;
	if (!fc_dtype_is_real(t->dtype) || fc_dtype_is_packed(t->dtype))
		return fc_fail(
		    e, "%s: tensor %s is %s", a->config.path, t->name, fc_dtype_name(t->dtype));
	return 0;
}

static bool join(const struct fc_tensor **to, const struct fc_tensor *from)
{
	bool both = *to && from;
	*to = from ? from : *to;
	return !both;
}

/* The updates of a tensor become one. */
static int join_updates(struct adapter *a, struct fc_err *e)
{
	size_t n = 0;
	qsort(a->update, a->n, sizeof *a->update, by_name);
	for (size_t i = 0; i < a->n; i++) {
		struct update *u = &a->update[i], *to = n ? &a->update[n - 1] : NULL;
		if (!to || strcmp(to->name, u->name) != 0) {
			a->update[n++] = *u;
			continue;
		}
		if (!join(&to->trained.a, u->trained.a) || !join(&to->trained.b, u->trained.b) ||
		    !join(&to->magnitude, u->magnitude) || !join(&to->whole, u->whole))
			return fc_fail(
			    e, "%s: tensor %s is changed twice", a->config.path, u->name);
		to->transposed = to->transposed || u->transposed;
		free(u->name);
		u->name = NULL;
	}
	a->n = n;
	return 0;
}

static int collect(struct adapter *a, struct fc_err *e)
{
	size_t n = fc_store_count(a->store);
	a->update = FC_ARRAY(struct update, n + 1);
	for (size_t i = 0; i < n; i++)
		if (make_update(a, fc_store_at(a->store, i), &a->update[a->n++], e) < 0)
			return -1;
	return join_updates(a, e);
}

static int64_t dim(const struct fc_tensor *t, int i)
{
	return t->n_dim == 2 ? t->dim[i] : -1;
}

static int check_factors(
    const struct adapter *a, const struct update *u, const struct fc_tensor *w, struct fc_err *e)
{
	int in = u->transposed ? 0 : 1;
	char have_a[192], have_b[192], have_w[192];
	const struct fc_tensor *A = u->trained.a, *B = u->trained.b;
	int64_t r = dim(A, 0);
	if (r > 0 && dim(B, 1) == r && dim(A, 1) == dim(w, in) && dim(B, 0) == dim(w, !in))
		return 0;
	return fc_fail(e, "%s: tensor %s is %s, to which factors %s and %s do not fit",
	    a->config.path, u->name, fc_tensor_shape_text(w, have_w),
	    fc_tensor_shape_text(A, have_a), fc_tensor_shape_text(B, have_b));
}

static int set_scale(const struct adapter *a, struct update *u, struct fc_err *e)
{
	char *module = fc_memdup0(u->name, strlen(u->name) - strlen(".weight"));
	int ret =
	    fc_adapter_config_scale(&a->config, module, dim(u->trained.a, 0), &u->trained.scale, e);
	free(module);
	return ret;
}

/* An embedding has no start of its own, and a tensor that the adapter brings is what was left. */
static bool has_start(const struct adapter *a, const struct update *u, bool embedding)
{
	return a->config.olora && !embedding && !u->whole;
}

static int make_start(
    const struct adapter *a, struct update *u, const struct fc_tensor *w, struct fc_err *e)
{
	struct values f = varm_values_mapped(w, 0);
	struct fc_err why;
	if (u->transposed)
		return fc_fail(e,
		    "%s: init_lora_weights \"olora\" with fan_in_fan_out for %s: PEFT "
		    "defines it for linear layers alone",
		    a->config.path, u->name);
	if (varm_adapter_start(&f, (size_t)dim(u->trained.a, 0), &u->start_b, &u->start_a, &why) <
	    0)
		return fc_fail(e, "%s: init_lora_weights \"olora\" for %s: %s; merge it with PEFT",
		    a->config.path, u->name, why.msg);
	u->start = (struct product){&u->start_a, &u->start_b, -u->trained.scale};
	return 0;
}

static bool has_head(const struct fc_store *base)
{
	for (size_t i = 0; i < fc_store_count(base); i++)
		if (varm_layername_is_head(fc_store_at(base, i)->name))
			return true;
	return false;
}

/* PEFT gives what an adapter does to an embedding to the inputs alone: a head that is the same
 * tensor stays what it was, which no tied model can say. */
static int check_tied(
    const struct adapter *a, const struct update *u, const struct fc_store *base, struct fc_err *e)
{
	if (!varm_layername_is_vocabulary(u->name))
		return 0;
	if (a->config.tie)
		return fc_fail(e,
		    "%s: ensure_weight_tying for %s is not done here; merge it with PEFT",
		    a->config.path, u->name);
	if (!varm_layername_is_head(u->name) && !has_head(base))
		return fc_fail(e,
		    "%s: the adapter changes %s for the inputs alone, but the model's head is the "
		    "same tensor; give the model a head of its own first (tie_word_embeddings "
		    "false)",
		    a->config.path, u->name);
	return 0;
}

static int check_update(
    struct adapter *a, struct update *u, const struct fc_store *base, struct fc_err *e)
{
	const struct fc_tensor *w = fc_store_find(base, u->name);
	char have[192], want[192];
	if (check_tied(a, u, base, e) < 0)
		return -1;
	if (!w)
		return fc_fail(e,
		    "%s: the adapter changes tensor %s, which the model does not have",
		    a->config.path, u->name);
	if (u->whole && !fc_tensor_same_shape(u->whole, w))
		return fc_fail(e, "%s: tensor %s is %s, the model's is %s", a->config.path, u->name,
		    fc_tensor_shape_text(u->whole, have), fc_tensor_shape_text(w, want));
	if (!u->trained.a && !u->trained.b && !u->magnitude)
		return 0;
	if (!u->trained.a || !u->trained.b)
		return fc_fail(e, "%s: a factor for tensor %s is missing", a->config.path, u->name);
	bool embedding = u->transposed;
	u->transposed = u->transposed || a->config.fan_in_fan_out;
	if (u->magnitude && (embedding || u->transposed))
		return fc_fail(e, "%s: use_dora for %s: only linear layers are scaled",
		    a->config.path, u->name);
	size_t n;
	if (u->magnitude && (!fc_tensor_count(u->magnitude, &n) || (int64_t)n != dim(w, 0)))
		return fc_fail(e, "%s: the magnitudes of %s are %s, for %s", a->config.path,
		    u->name, fc_tensor_shape_text(u->magnitude, have),
		    fc_tensor_shape_text(w, want));
	if (!u->magnitude != !a->config.dora)
		return fc_fail(e, "%s: use_dora is %s, but tensor %s has %s magnitudes",
		    a->config.path, a->config.dora ? "true" : "false", u->name,
		    u->magnitude ? "its" : "no");
	if (check_factors(a, u, w, e) < 0 || set_scale(a, u, e) < 0)
		return -1;
	return has_start(a, u, embedding) ? make_start(a, u, w, e) : 0;
}

static int check_updates(struct adapter *a, const struct fc_store *base, struct fc_err *e)
{
	a->fingerprint = fc_store_fingerprint(a->store);
	for (size_t i = 0; i < a->n; i++) {
		struct update *u = &a->update[i];
		if (check_update(a, u, base, e) < 0)
			return -1;
		a->fingerprint =
		    fc_hash(&u->trained.scale, sizeof u->trained.scale, a->fingerprint);
		if (u->start.a)
			a->fingerprint =
			    fc_hash(&u->start.scale, sizeof u->start.scale, a->fingerprint);
	}
	return 0;
}

/* The model's classes decide how its matrices lie; PEFT takes a flag that says otherwise for an
 * oversight, too. */
static void settle_layout(struct fc_adapter_config *c, enum varm_layout layout)
{
	const bool turned = layout == VARM_IN_OUT;
	if (layout == VARM_LAYOUT_UNKNOWN || c->fan_in_fan_out == turned)
		return;
	fc_warn("%s: fan_in_fan_out is %s, but the model's matrices are [%s]; it is taken for %s",
	    c->path, turned ? "false" : "true", turned ? "inputs, outputs" : "outputs, inputs",
	    turned ? "true" : "false");
	c->fan_in_fan_out = turned;
}

int varm_adapter_open(struct adapter **out, const char *path, const struct fc_store *base,
    enum varm_layout layout, struct fc_err *e)
{
	struct adapter *a = *out = FC_NEW(struct adapter);
	char *weights = fc_path_join(path, "adapter_model.safetensors");
	int ret = fc_adapter_config_read(&a->config, path, e);
	if (ret == 0)
		settle_layout(&a->config, layout);
	if (ret == 0)
		ret = fc_store_open(&a->store, weights, e);
	if (ret == 0)
		ret = collect(a, e);
	if (ret == 0)
		ret = check_updates(a, base, e);
	free(weights);
	return ret;
}

void varm_adapter_close(struct adapter *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		free(a->update[i].name);
		free((void *)(uintptr_t)a->update[i].start_a.data);
		free((void *)(uintptr_t)a->update[i].start_b.data);
		free(a->update[i].stretch);
	}
	free(a->update);
	fc_store_close(a->store);
	fc_adapter_config_release(&a->config);
	free(a);
}

uint64_t varm_adapter_fingerprint(const struct adapter *a)
{
	return a->fingerprint;
}

static struct update *find_update(const struct adapter *a, const char *name)
{
	struct update key = {.name = (char *)(uintptr_t)name};
	return a->n ? bsearch(&key, a->update, a->n, sizeof key, by_name) : NULL;
}

const struct fc_tensor *varm_adapter_replacement(const struct adapter *a, const char *name)
{
	const struct update *u = find_update(a, name);
	return u ? u->whole : NULL;
}

bool varm_adapter_changes(const struct adapter *a, const char *name)
{
	return find_update(a, name) != NULL;
}

static void to_f64(double *out, const struct fc_tensor *t, size_t first, size_t n)
{
	fc_to_f64(out, (const char *)t->data + first * fc_dtype_size(t->dtype), t->dtype, n);
}

/* out[j] += scale * sum_k B[row, k] A[k, first + j]; A (r, in), B (out, r) */
static void add_rows(const struct product *p, size_t row, size_t first, size_t n, double *out)
{
	size_t r = (size_t)p->a->dim[0], in = (size_t)p->a->dim[1];
	double x[FACTOR_BLOCK], factor;
	for (size_t from = 0, m; from < n; from += m) {
		m = n - from < FACTOR_BLOCK ? n - from : FACTOR_BLOCK;
		for (size_t k = 0; k < r; k++) {
			to_f64(&factor, p->b, row * r + k, 1);
			to_f64(x, p->a, k * in + first + from, m);
			factor *= p->scale;
			for (size_t j = 0; j < m; j++)
				out[from + j] += factor * x[j];
		}
	}
}

/* out[j] += scale * sum_k A[k, row] B[first + j, k] */
static void add_columns(const struct product *p, size_t row, size_t first, size_t n, double *out)
{
	size_t r = (size_t)p->a->dim[0], in = (size_t)p->a->dim[1];
	for (size_t k0 = 0, m; k0 < r; k0 += m) {
		double a[FACTOR_BLOCK], b[FACTOR_BLOCK];
		m = r - k0 < FACTOR_BLOCK ? r - k0 : FACTOR_BLOCK;
		for (size_t k = 0; k < m; k++)
			to_f64(&a[k], p->a, (k0 + k) * in + row, 1);
		for (size_t j = 0; j < n; j++) {
			double sum = 0;
			to_f64(b, p->b, (first + j) * r + k0, m);
			for (size_t k = 0; k < m; k++)
				sum += a[k] * b[k];
			out[j] += p->scale * sum;
		}
	}
}

/* Any range: rows are cut where it begins and ends. */
static void read_changed(const struct values *f, size_t first, size_t n, double *out)
{
	const struct update *u = f->ctx;
	size_t width = (size_t)u->w.t.dim[1];
	varm_values_read(&u->w, first, n, out);
	for (size_t i = 0, m; i < n; i += m) {
		size_t row = (first + i) / width, column = (first + i) % width;
		m = width - column < n - i ? width - column : n - i;
		if (u->transposed)
			add_columns(&u->trained, row, column, m, out + i);
		else
			add_rows(&u->trained, row, column, m, out + i);
		if (u->start.a)
			add_rows(&u->start, row, column, m, out + i);
		for (size_t j = 0; u->stretch && j < m; j++)
			out[i + j] *= u->stretch[row];
	}
}

static void forget_changed(const struct values *f, size_t first, size_t n)
{
	varm_values_forget(&((const struct update *)f->ctx)->w, first, n);
}

/* The factors that give the rows of W + scale B A their magnitudes. */
static void measure_rows(struct update *u)
{
	size_t rows = (size_t)u->w.t.dim[0], width = (size_t)u->w.t.dim[1];
	double *x = FC_ARRAY(double, width + 1), *stretch = FC_ARRAY(double, rows + 1);
	struct values f = {.t = u->w.t, .ctx = u};
	for (size_t i = 0; i < rows; i++) {
		double magnitude, sum = 0;
		to_f64(&magnitude, u->magnitude, i, 1);
		read_changed(&f, i * width, width, x);
		for (size_t j = 0; j < width; j++)
			sum += x[j] * x[j];
		stretch[i] = sum > 0 ? magnitude / sqrt(sum) : 0;
	}
	free(x);
	u->stretch = stretch;
}

struct values varm_adapter_values(const struct adapter *a, const char *name, struct values w)
{
	struct update *u = find_update(a, name);
	if (!u || !u->trained.a)
		return w;
	u->w = w;
	if (u->magnitude && !u->stretch)
		measure_rows(u);
	return (struct values){
	    .t = w.t, .read = read_changed, .forget = forget_changed, .ctx = u, .model = w.model};
}
