/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a model's weights that is not the file's. */
#include <stdlib.h>

#include "base/mem.h"
#include "model/slot.h"

void *fc_model_own(struct fc_model *m, size_t n, size_t size)
{
	void *p = fc_malloc_aligned(n, size);
	FC_GROW(m->owned, m->cap_owned, m->n_owned + 1);
	m->owned[m->n_owned++] = p;
	return p;
}

const void *fc_model_keep(struct fc_model *m, const void *host, size_t n_bytes)
{
	const void *p = m->nn ? fc_nn_keep(m->nn, host, n_bytes) : host;
	if (p == host)
		return p;
	FC_GROW(m->kept, m->cap_kept, m->n_kept + 1);
	m->kept[m->n_kept++] = p;
	if (m->n_owned && m->owned[m->n_owned - 1] == host)
		free(m->owned[--m->n_owned]);
	return p;
}
