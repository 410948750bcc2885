/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/gguf_hf.h"

const struct fc_gguf_family *fc_gguf_family_of(const struct fc_gguf *g, struct fc_err *e)
{
	struct fc_gguf_str s;
	struct fc_buf names = FC_BUF_INIT;
	if (fc_gguf_string(g, "general.architecture", &s, e) < 0)
		return NULL;
	if (!s.p) {
		fc_fail(e, "%s: key general.architecture is missing", fc_gguf_path(g));
		return NULL;
	}
	char *arch = fc_memdup0(s.p, s.n);
	const struct fc_gguf_family *f = fc_gguf_family(arch);
	if (!f) {
		fc_gguf_family_names(&names);
		fc_fail(e, "%s: key general.architecture: \"%.40s\" is not supported (%s are)",
		    fc_gguf_path(g), arch, names.p);
		fc_buf_release(&names);
	}
	free(arch);
	return f;
}

static char *arch_key(const struct fc_gguf_family *f, const char *name)
{
	struct fc_buf b = FC_BUF_INIT;
	fc_buf_addf(&b, "%s.%s", f->arch, name);
	return fc_buf_detach(&b);
}

static int equal_ints(const struct fc_gguf *g, const char *key, struct fc_gguf_array *a,
    int64_t *out, struct fc_err *e)
{
	int64_t v;
	if (!fc_gguf_next_int(a, out))
		return fc_fail(e, "%s: key %s: an array without integers", fc_gguf_path(g), key);
	while (fc_gguf_next_int(a, &v))
		if (v != *out)
			return fc_fail(e,
			    "%s: key %s: %" PRId64 " and %" PRId64
			    ": layers that differ are not supported",
			    fc_gguf_path(g), key, *out, v);
	return 0;
}

int fc_gguf_arch_int(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    int64_t def, int64_t *out, struct fc_err *e)
{
	char *key = arch_key(f, name);
	struct fc_gguf_array a;
	struct fc_err none;
	int ret;
	if (fc_gguf_has(g, key) && fc_gguf_ints(g, key, &a, &none) == 0)
		ret = equal_ints(g, key, &a, out, e);
	else
		ret = fc_gguf_int(g, key, def, out, e);
	free(key);
	return ret;
}

int fc_gguf_arch_real(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    double def, double *out, struct fc_err *e)
{
	char *key = arch_key(f, name);
	const int ret = fc_gguf_real(g, key, def, out, e);
	free(key);
	return ret;
}

int fc_gguf_arch_bool(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    bool def, bool *out, struct fc_err *e)
{
	char *key = arch_key(f, name);
	const int ret = fc_gguf_bool(g, key, def, out, e);
	free(key);
	return ret;
}

int fc_gguf_arch_string(const struct fc_gguf *g, const struct fc_gguf_family *f, const char *name,
    struct fc_gguf_str *out, struct fc_err *e)
{
	char *key = arch_key(f, name);
	const int ret = fc_gguf_string(g, key, out, e);
	free(key);
	return ret;
}

bool fc_gguf_tied(const struct fc_gguf *g)
{
	const struct fc_tensor *head = fc_gguf_tensor(g, "output.weight");
	const struct fc_tensor *embed = fc_gguf_tensor(g, "token_embd.weight");
	return !head ||
	    (embed && head->dtype == embed->dtype && fc_tensor_same_shape(head, embed) &&
		!memcmp(head->data, embed->data, head->n_bytes));
}
