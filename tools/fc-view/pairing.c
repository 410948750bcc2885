/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chat/pair.h"
#include "fc-view/view.h"
#include "text/json.h"

/* The id of x's pair, new, and its side; NULL: it is of none. */
static char *read_pair(const struct fc_example *x, bool *first)
{
	struct fc_err e;
	if (!x->meta.n || !strstr(x->meta.p, "\"pair\""))
		return NULL;
	json_t *meta = fc_json_text(x->meta.p, x->meta.n, "meta", &e);
	const json_t *pair = json_object_get(meta, "pair");
	const char *id = json_string_value(json_object_get(pair, "id"));
	const char *side = json_string_value(json_object_get(pair, "side"));
	char *ret = id && side ? fc_strdup(id) : NULL;
	*first = side && !strcmp(side, fc_pair_side_name(FC_PAIR_CHOSEN));
	json_decref(meta);
	return ret;
}

bool view_pairing_goes_on(struct view_pairing *p, const struct fc_example *x)
{
	bool first = false;
	char *id = read_pair(x, &first);
	const bool same = id && p->id && !first && !strcmp(id, p->id);
	free(p->id);
	p->id = id;
	return same;
}

void view_pairing_release(struct view_pairing *p)
{
	free(p->id);
	p->id = NULL;
}
