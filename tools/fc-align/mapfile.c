/* SPDX-License-Identifier: Apache-2.0 */
#include "fc-align/mapfile.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fc-align/transfer.h"

static int check_header(
    const struct fc_reader *r, uint64_t source, uint64_t pivot, struct fc_err *e)
{
	const struct fc_header *h = fc_reader_header(r);
	if (h->source_tokenizer != source)
		return fc_fail(e,
		    "%s maps from another tokenizer (%016" PRIx64 ") than the stream's (%016" PRIx64
		    "); make it with fc-align map -s of the model that made the stream",
		    fc_reader_name(r), h->source_tokenizer, source);
	if (h->tokenizer != pivot)
		return fc_fail(e,
		    "%s maps to another tokenizer (%016" PRIx64 ") than the pivot's (%016" PRIx64
		    "); make it with fc-align map -p of this pivot",
		    fc_reader_name(r), h->tokenizer, pivot);
	return 0;
}

static int put_part(const struct fc_map_part *part, uint32_t *map, size_t n_map, size_t n_pivot,
    const char *name, struct fc_err *e)
{
	for (size_t i = 0; i < part->n; i++) {
		const struct fc_map_entry *m = &part->entry[i];
		if (m->source >= n_map || m->pivot >= n_pivot)
			return fc_fail(e,
			    "%s: entry %" PRIu32 " -> %" PRIu32
			    " is outside its vocabularies (%zu and %zu tokens)",
			    name, m->source, m->pivot, n_map, n_pivot);
		if (map[m->source] != FC_UNMAPPED)
			return fc_fail(
			    e, "%s: source token %" PRIu32 " is mapped twice", name, m->source);
		map[m->source] = m->pivot;
	}
	return 0;
}

int fc_mapfile_read(const char *path, uint64_t source_tokenizer, uint64_t pivot_tokenizer,
    size_t n_pivot, uint32_t **out, size_t *n_map, struct fc_err *e)
{
	struct fc_reader *r;
	struct fc_map_part part;
	enum fc_read got = FC_READ_ERROR;
	uint32_t *map = NULL;
	int rc = -1;
	if (fc_reader_open(&r, path, FC_KIND_MAP, e) < 0)
		return -1;
	if (check_header(r, source_tokenizer, pivot_tokenizer, e) < 0)
		goto end;
	*n_map = fc_reader_header(r)->source_n_vocab;
	map = FC_ARRAY(uint32_t, *n_map + 1);
	for (size_t i = 0; i < *n_map; i++)
		map[i] = FC_UNMAPPED;
	while ((got = fc_reader_map(r, &part, e)) == FC_READ_RECORD)
		if (put_part(&part, map, *n_map, n_pivot, fc_reader_name(r), e) < 0)
			goto end;
	rc = got == FC_READ_END ? 0 : -1;
end:
	if (rc < 0) {
		free(map);
		map = NULL;
	}
	*out = map;
	fc_reader_close(r);
	return rc;
}

uint32_t *fc_mapfile_identity(size_t n_vocab)
{
	uint32_t *map = FC_ARRAY(uint32_t, n_vocab + 1);
	for (size_t i = 0; i < n_vocab; i++)
		map[i] = (uint32_t)i;
	return map;
}
