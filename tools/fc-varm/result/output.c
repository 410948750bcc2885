/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-varm/result/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fc-varm/merge/merge.h"
#include "store/store.h"
#include "stream/writer.h"

static char *stream_path(void)
{
	const char *tmp = getenv("TMPDIR");
	return fc_path_join(tmp && *tmp ? tmp : "/tmp", "fc-varm.stream");
}

int varm_output_check(const char *out, struct fc_err *e)
{
	return strcmp(out, "-") ? fc_replace_folder(out, &fc_folder_model, e) : 0;
}

int varm_output_open(struct output *p, const char *out, bool replace, bool resume, struct fc_err *e)
{
	*p = (struct output){.is_stream = !strcmp(out, "-")};
	if (!p->is_stream)
		return fc_outdir_open_part(
		    &p->dir, out, replace ? &fc_folder_model : NULL, resume, &p->resumed, e);
	if (resume)
		return fc_fail(e, "a stream cannot be resumed; use -o DIR");
	char *path = stream_path();
	int ret = fc_outdir_open(&p->dir, path, NULL, e);
	free(path);
	return ret;
}

const char *varm_output_folder(const struct output *p)
{
	return fc_outdir_tmp(p->dir);
}

static int send_tensors(const struct fc_store *s, struct fc_err *e)
{
	struct fc_header h;
	struct fc_writer *w;
	fc_header_init(&h, FC_KIND_TENSORS);
	h.model = fc_store_fingerprint(s);
	fc_header_add_self(&h);
	int ret = fc_writer_open(&w, NULL, &h, e);
	for (size_t i = 0; i < fc_store_count(s) && ret == 0; i++) {
		const struct fc_tensor *t = fc_store_at(s, i);
		ret = fc_writer_tensor(w, t, e);
		fc_store_forget(t->data, t->n_bytes);
	}
	fc_header_release(&h);
	if (ret == 0)
		return fc_writer_finish(w, e);
	fc_writer_abort(w);
	return -1;
}

int varm_output_commit(struct output *p, struct fc_err *e)
{
	struct fc_store *s;
	struct fc_outdir *dir = p->dir;
	int ret = 0;
	if (p->is_stream) {
		ret = fc_store_open(&s, varm_output_folder(p), e);
		varm_output_abort(p); /* what is mapped stays, also after a closed pipe ends us */
		if (ret == 0)
			ret = send_tensors(s, e);
		fc_store_close(s);
		return ret;
	}
	p->dir = NULL;
	if (varm_merge_finish(fc_outdir_tmp(dir), e) == 0)
		return fc_outdir_commit(dir, e);
	fc_outdir_abort(dir);
	return -1;
}

void varm_output_abort(struct output *p)
{
	fc_outdir_abort(p->dir);
	p->dir = NULL;
}

char *varm_output_beside(const char *out, int number)
{
	struct fc_buf b = FC_BUF_INIT;
	char *path = strcmp(out, "-") ? NULL : stream_path();
	size_t n = strlen(path ? path : out);
	while (n > 1 && (path ? path : out)[n - 1] == '/')
		n--;
	fc_buf_add(&b, path ? path : out, n);
	fc_buf_addf(&b, ".%d", number);
	free(path);
	return fc_buf_detach(&b);
}
