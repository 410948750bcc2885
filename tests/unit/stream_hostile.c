/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "stream/frame.h"
#include "stream/reader.h"
#include "stream/record.h"
#include "t.h"

/* Whole, checksummed frames with records that no writer of ours makes.  Each case changes one field
 * of a message that is accepted as it is. */

static char path[64];

/* Writes content as one frame and reads it: the message, or NULL when it is accepted. */
static const char *verdict(const struct fc_buf *content)
{
	static char why[1024];
	struct fc_err e = {""};
	struct fc_frame_out *f;
	struct fc_reader *r;
	struct fc_example x;
	struct fc_tensor_part t;
	struct fc_map_part m;
	enum fc_read ret = FC_READ_ERROR;
	fc_example_init(&x);
	if (fc_frame_out_open(&f, path, &e) < 0 ||
	    fc_frame_out_put(f, content->p, content->n, NULL, 0, &e) < 0 ||
	    fc_frame_out_finish(f, &e) < 0)
		return "could not write the case";
	if (fc_reader_open(&r, path, 0, &e) == 0) {
		enum fc_kind kind = fc_reader_header(r)->kind;
		do
			ret = kind == FC_KIND_TENSORS ? fc_reader_tensor(r, &t, &e)
			    : kind == FC_KIND_MAP     ? fc_reader_map(r, &m, &e)
						      : fc_reader_example(r, &x, &e);
		while (ret == FC_READ_RECORD);
		fc_reader_close(r);
	}
	fc_example_release(&x);
	snprintf(why, sizeof why, "%s", e.msg);
	return ret == FC_READ_END ? NULL : why;
}

static void add_header(struct fc_buf *b, Fc__Kind kind, unsigned top_k)
{
	Fc__Header h = FC__HEADER__INIT;
	h.magic = FC_STREAM_MAGIC;
	h.major = FC_STREAM_MAJOR;
	h.kind = kind;
	h.n_vocab = h.source_n_vocab = 300;
	h.top_k = top_k;
	fc_pack_record(NULL, b, FC__RECORD__KIND_HEADER, &h.base, NULL);
}

static void add_trailer(struct fc_buf *b, uint64_t n)
{
	fc_pack_trailer(b, n, fc_hash(b->p, b->n, 0), NULL, 0);
}

/* Is content refused, with a message that has this in it?  NULL: is it accepted? */
static void expect(const struct fc_buf *content, const char *what, const char *message)
{
	const char *why = verdict(content);
	if (message)
		T_OK(why && strstr(why, message) && strstr(why, path), "%s: %s", what,
		    why ? why : "accepted");
	else
		T_OK(!why, "%s: accepted (%s)", what, why ? why : "");
}

#define BYTES(s) ((ProtobufCBinaryData){sizeof(s) - 1, (uint8_t *)(s)})

/* Two tokens with rows of two entries: ids 1 299, 7 2; bits 3400 4000, 3C00 3C00; true 1st, -1. */
static void good_example(Fc__Example *m)
{
	fc__example__init(m);
	m->text = BYTES("abcdef");
	m->segment = BYTES("\2\4");
	m->segment_flags = BYTES("\4\7");
	m->n_token = 3;
	m->token = BYTES("\1\1\7\0\0\0");
	m->span = BYTES("\1\2\3");
	m->flags = BYTES("\0\47\47");
	m->row_length = 2;
	m->entry_id = BYTES("\1\53\2\7\0\1\0\0");
	m->entry_logprob = BYTES("\0\0\0\0\x34\x0c\x3c\0");
	m->true_rank = BYTES("\1\0");
	m->true_logprob = BYTES("\0\x3c");
	m->nll = 1;
	m->n_label = 2;
	m->label_bytes = 5;
}

/* Changes one thing; returns what, and in *message what the reader must say; NULL after the last.
 */
static const char *change_tokens(int i, Fc__Example *m, const char **message)
{
	switch (i) {
	case 0:
		m->n_token = 0xffffffff;
		*message = "flags for";
		return "four billion tokens";
	case 1:
		m->token = BYTES("\1\1\7\0\0");
		*message = "tokens: 5 bytes for 3 values";
		return "ids that are no planes";
	case 2:
		m->token.len = 0;
		*message = "tokens: 0 bytes for 3 values";
		return "no ids";
	case 3:
		m->token = BYTES("\1\1\54\0\0\1");
		*message = "token id 300";
		return "an id outside the vocabulary";
	case 4:
		m->span = BYTES("\1\2\4");
		*message = "tokens for 7 bytes";
		return "tokens beyond the text";
	case 5:
		m->span = BYTES("\1\2\3\0\0\0\0\0\0\0\0\1");
		*message = "tokens for";
		return "spans that overflow";
	case 6:
		m->flags = BYTES("\40\47\47");
		*message = "impossible token flags";
		return "a row of the first token";
	case 7:
		m->flags = BYTES("\0\147\47");
		*message = "impossible token flags";
		return "an unknown flag";
	case 8:
		m->segment = BYTES("\2\3");
		*message = "segments cover 5 of 6";
		return "segments that end early";
	case 9:
		m->segment = BYTES("\0\6");
		*message = "impossible segment";
		return "an empty segment";
	case 10:
		m->segment = BYTES("\6\1");
		*message = "impossible segment";
		return "a segment beyond the text";
	case 11:
		m->segment_flags = BYTES("\4\47");
		*message = "impossible segment";
		return "a segment with a row";
	case 12:
		m->segment_flags = BYTES("\4\7\7");
		*message = "segments: 2 bytes for 3";
		return "more flags than segments";
	default:
		return NULL;
	}
}

static const char *change_rows(int i, Fc__Example *m, const char **message)
{
	switch (i) {
	case 0:
		m->row_length = 3;
		*message = "entry ids: 8 bytes for 6";
		return "rows without entries";
	case 1:
		m->row_length = 4;
		*message = "a row of 4 entries";
		return "rows longer than top-k";
	case 2:
		m->row_length = 0xffffffff;
		*message = "a row of 4294967295";
		return "rows of four billion entries";
	case 3:
		m->row_lengths = BYTES("\3\3\3");
		*message = "row lengths: 3 bytes for 2";
		return "more lengths than rows";
	case 4:
		m->entry_id = BYTES("\1\54\2\7\0\1\0\0");
		*message = "entry id 300";
		return "an entry outside the vocabulary";
	case 5:
		m->entry_logprob = BYTES("\0\0\0\0\x34\xff\x3c\0");
		*message = "not in order";
		return "a rising row";
	case 6:
		m->entry_logprob = BYTES("\0\0\0\0\x34\x48\x3c\0");
		*message = "not in order";
		return "an infinite log-probability";
	case 7:
		m->entry_id = BYTES("\1\53\7\2\0\1\0\0");
		*message = "not in order";
		return "a tie by falling id";
	case 8:
		m->entry_id = BYTES("\1\53\7\7\0\1\0\0");
		*message = "not in order";
		return "an id twice";
	case 9:
		m->true_rank = BYTES("\3\0");
		*message = "its true token is entry 3 of 2";
		return "a rank beyond its row";
	case 10:
		m->true_rank = BYTES("\1\1");
		*message = "true log-probabilities: 2 bytes for 0";
		return "a value for no row";
	case 11:
		m->true_logprob = BYTES("\0\x7c");
		*message = "not a number";
		return "an infinite true log-probability";
	case 12:
		m->source = 1;
		*message = "source 1 of 0";
		return "an unknown source";
	case 13:
		m->nll = NAN;
		*message = "not finite";
		return "a cross-entropy that is no number";
	default:
		return NULL;
	}
}

static void test_examples(void)
{
	struct fc_buf b = FC_BUF_INIT;
	const char *what = "", *message = NULL;
	for (int i = -1; what; i++) {
		Fc__Example m;
		bool rows = i >= 13;
		good_example(&m);
		what = i < 0 ? "control"
		    : rows   ? change_rows(i - 13, &m, &message)
			     : change_tokens(i, &m, &message);
		if (!what)
			break;
		fc_buf_clear(&b);
		add_header(&b, FC__KIND__DISTS, 3);
		fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, NULL);
		add_trailer(&b, 1);
		expect(&b, what, message);
	}
	Fc__Example m;
	good_example(&m);
	fc_buf_clear(&b);
	add_header(&b, FC__KIND__TOKENS, 0);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, NULL);
	add_trailer(&b, 1);
	expect(&b, "rows in a token stream", "rows in a token stream");
	fc_buf_release(&b);
}

static void test_headers(void)
{
	static const char *const what[] = {"control", "another magic", "a newer major", "major 0",
	    "kind 0", "kind 9", "a huge vocabulary", "top-k above the vocabulary", "257 sources",
	    "a megabyte of history", "top-k of all outputs", "top-k above the outputs",
	    "huge outputs", "outputs fewer than tokens", "a cut", "another cut"};
	static const char *const message[] = {NULL, "not a stream of the fc tools",
	    "version 2.7 of the format is newer than this program's 1.3", "no version 0.0",
	    "unknown kind of stream 0", "unknown kind of stream 9",
	    "a vocabulary of 16777217, the limit is 16777216",
	    "top-k is 301, more than the vocabulary of 300", "257 sources", "a header of", NULL,
	    "top-k is 401, more than the vocabulary of 400",
	    "a vocabulary of 16777217, the limit is 16777216",
	    "299 outputs for a vocabulary of 300", NULL,
	    "unknown way 2 of cutting text into tokens"};
	struct fc_buf b = FC_BUF_INIT;
	Fc__Source source = FC__SOURCE__INIT, *sources[257];
	Fc__Program program = FC__PROGRAM__INIT, *programs[1] = {&program};
	for (size_t i = 0; i < 257; i++)
		sources[i] = &source;
	program.args = memset(fc_calloc(1 << 20, 1), 'x', (1 << 20) - 1);
	for (size_t i = 0; i < FC_LEN(what); i++) {
		Fc__Header h = FC__HEADER__INIT;
		h.magic = i == 1 ? "fc-steam" : FC_STREAM_MAGIC;
		h.major = i == 2 ? 2 : i == 3 ? 0 : 1;
		h.minor = i == 2 ? 7 : 0;
		h.kind = i == 4 ? FC__KIND__NONE : i == 5 ? (Fc__Kind)9 : FC__KIND__DISTS;
		h.n_vocab = i == 6 ? FC_MAX_VOCAB + 1 : 300;
		h.top_k = i == 7 ? 301 : i == 10 ? 400 : i == 11 ? 401 : 3;
		h.n_output = i == 10 || i == 11 ? 400
		    : i == 12                   ? FC_MAX_VOCAB + 1
		    : i == 13                   ? 299
						: 0;
		h.cut = i == 14 ? FC__CUT__PROMPT : i == 15 ? (Fc__Cut)2 : FC__CUT__WHOLE;
		h.n_source = i == 8 ? 257 : 0;
		h.source = sources;
		h.n_history = i == 9;
		h.history = programs;
		fc_buf_clear(&b);
		fc_pack_record(NULL, &b, FC__RECORD__KIND_HEADER, &h.base, NULL);
		add_trailer(&b, 0);
		expect(&b, what[i], message[i]);
	}
	free(program.args);
	fc_buf_release(&b);
}

/* The first record has nothing in it: no memory of the reader's own is there yet. */
static void test_nothing(void)
{
	struct fc_buf b = FC_BUF_INIT;
	Fc__MapPart map = FC__MAP_PART__INIT;
	Fc__Example example = FC__EXAMPLE__INIT;
	add_header(&b, FC__KIND__MAP, 0);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_MAP, &map.base, NULL);
	add_trailer(&b, 1);
	expect(&b, "a map record without entries", NULL);
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &example.base, NULL);
	add_trailer(&b, 1);
	expect(&b, "an example without text", NULL);
	fc_buf_release(&b);
}

static void test_sequence(void)
{
	struct fc_buf b = FC_BUF_INIT;
	Fc__Example m;
	Fc__TensorPart t = FC__TENSOR_PART__INIT;
	good_example(&m);

	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, NULL);
	expect(&b, "no header", "no header");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	add_header(&b, FC__KIND__DISTS, 3);
	expect(&b, "two headers", "a header before the trailer");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	expect(&b, "no trailer", "cut off after record 0");
	add_trailer(&b, 1);
	expect(&b, "a wrong count", "do not match the trailer");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	fc_pack_trailer(&b, 0, fc_hash(b.p, b.n, 0) + 1, NULL, 0);
	expect(&b, "a wrong hash", "do not match the trailer");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	add_trailer(&b, 0);
	expect(&b, "control: nothing between", NULL);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, NULL);
	expect(&b, "a record after the trailer", "no header");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	t.name = "w";
	t.dtype = "F32";
	fc_pack_record(NULL, &b, FC__RECORD__KIND_TENSOR, &t.base, NULL);
	expect(&b, "a tensor among examples", "of another kind");
	b.n = 0;
	add_header(&b, FC__KIND__DISTS, 3);
	fc_buf_add(&b, "\x0a\x04\x4a\x02\x08\x01", 6);
	expect(&b, "a record of unknown kind", "not a record");
	b.n = 0;
	fc_buf_add(&b, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	expect(&b, "a length of 2^64", "longer than its frame");
	b.n = 0;
	fc_buf_add(&b, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
	expect(&b, "a length that does not end", "longer than its frame");
	b.n = 0;
	fc_buf_adds(&b, "just some text");
	expect(&b, "another program's zstd file", "not a stream of the fc tools");
	b.n = 0;
	expect(&b, "an empty frame", "empty, where a stream should be");
	fc_buf_release(&b);
}

/* Millions of tiny fields must not cost memory by the gigabyte. */
static void test_fields(void)
{
	struct fc_buf b = FC_BUF_INIT, tail = FC_BUF_INIT;
	Fc__Example m;
	good_example(&m);
	for (int i = 0; i < 3; i++)
		fc_buf_add(&tail,
		    "\xc2\x3e\x03"
		    "abc",
		    6);
	add_header(&b, FC__KIND__DISTS, 3);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, &tail);
	add_trailer(&b, 1);
	expect(&b, "control: a few unknown fields", NULL);
	for (int i = 0; i < 1000000; i++)
		fc_buf_add(&tail, "\xc0\x3e\x01", 3);
	fc_buf_clear(&b);
	add_header(&b, FC__KIND__DISTS, 3);
	fc_pack_record(NULL, &b, FC__RECORD__KIND_EXAMPLE, &m.base, &tail);
	add_trailer(&b, 1);
	expect(&b, "a million unknown fields", "not a record");
	fc_buf_release(&b);
	fc_buf_release(&tail);
}

static void add_part(
    struct fc_buf *b, const char *name, const char *dtype, uint64_t rows, uint64_t offset, size_t n)
{
	static uint8_t zero[64];
	uint64_t dim[] = {rows, 2};
	Fc__TensorPart t = FC__TENSOR_PART__INIT;
	t.name = (char *)name;
	t.dtype = (char *)dtype;
	t.n_dim = 2;
	t.dim = dim;
	t.offset = offset;
	t.data = (ProtobufCBinaryData){n, zero};
	fc_pack_record(NULL, b, FC__RECORD__KIND_TENSOR, &t.base, NULL);
}

static void test_tensors(void)
{
	static const struct {
		const char *what, *message, *name, *dtype;
		uint64_t rows, offset;
		size_t n;
	} second[] = {
	    {"control: two parts", NULL, "w", "F32", 3, 16, 8},
	    {"a gap", "does not follow", "w", "F32", 3, 20, 4},
	    {"another name", "does not follow", "v", "F32", 3, 16, 8},
	    {"another type", "does not follow", "w", "I32", 3, 16, 8},
	    {"another shape", "does not follow", "w", "F32", 4, 16, 16},
	    {"an early end", "not whole", "w", "F32", 3, 16, 4},
	    {"too many bytes", "are not in its", "w", "F32", 3, 16, 12},
	    {"a start beyond the end", "are not in its", "w", "F32", 3, UINT64_MAX - 3, 8},
	    {"half an element", "whole elements", "w", "F32", 3, 16, 6},
	    {"no bytes", "whole elements", "w", "F32", 3, 16, 0},
	    {"an unknown type", "element type", "w", "F33", 3, 16, 8},
	    {"a huge shape", "too large", "w", "F32", (uint64_t)1 << 62, 16, 8},
	    {"a negative dimension", "a dimension of", "w", "F32", UINT64_MAX, 16, 8},
	};
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < FC_LEN(second); i++) {
		fc_buf_clear(&b);
		add_header(&b, FC__KIND__TENSORS, 0);
		add_part(&b, "w", "F32", 3, 0, 16);
		add_part(&b, second[i].name, second[i].dtype, second[i].rows, second[i].offset,
		    second[i].n);
		add_trailer(&b, 2);
		expect(&b, second[i].what, second[i].message);
	}
	fc_buf_release(&b);
}

static void test_maps(void)
{
	static const struct {
		const char *what, *message, *source, *count;
		size_t n_source, n_count, n;
	} map[] = {
	    {"control: a map", NULL, "\1\53\0\1", "\1\2", 4, 2, 2},
	    {"a source outside the vocabulary", "outside the vocabularies", "\1\54\0\1", "\1\2", 4,
		2, 2},
	    {"four billion entries", "map entries in", "\1\53\0\1", "\1\2", 4, 2, 0xffffffff},
	    {"counts that are no planes", "counts: 3 bytes", "\1\53\0\1", "\1\2\3", 4, 3, 2},
	    {"counts of nine bytes", "counts: 18 bytes for 2 values", "\1\53\0\1",
		"123456789abcdefghi", 4, 18, 2},
	};
	struct fc_buf b = FC_BUF_INIT;
	for (size_t i = 0; i < FC_LEN(map); i++) {
		Fc__MapPart m = FC__MAP_PART__INIT;
		m.n_entry = (uint32_t)map[i].n;
		m.source = (ProtobufCBinaryData){map[i].n_source, (uint8_t *)map[i].source};
		m.pivot = BYTES("\5\6");
		m.count = (ProtobufCBinaryData){map[i].n_count, (uint8_t *)map[i].count};
		fc_buf_clear(&b);
		add_header(&b, FC__KIND__MAP, 0);
		fc_pack_record(NULL, &b, FC__RECORD__KIND_MAP, &m.base, NULL);
		add_trailer(&b, 1);
		expect(&b, map[i].what, map[i].message);
	}
	fc_buf_release(&b);
}

static void test_frames(void)
{
	static const struct {
		const char *what, *message, *bytes;
		size_t n;
	} frame[] = {
	    {"no content size", "no content size",
		"\x28\xb5\x2f\xfd\x04\x58\x01\0\0\0\0\0\0\0\0\0\0\0\0", 19},
	    {"no checksum", "no content size",
		"\x28\xb5\x2f\xfd\x20\x01\x09\0\0x\0\0\0\0\0\0\0\0\0", 19},
	    {"a dictionary", "no content size",
		"\x28\xb5\x2f\xfd\x25\x07\x01\x09\0\0x\0\0\0\0\0\0\0\0", 19},
	    {"content of 3 GiB", "exceeds the limit",
		"\x28\xb5\x2f\xfd\xa4\0\0\0\xc0\x09\0\0x\0\0\0\0\0\0", 19},
	    {"a reserved bit", "damaged", "\x28\xb5\x2f\xfd\x2c\x01\x09\0\0x\0\0\0\0\0\0\0\0\0",
		19},
	    {"half a magic", "cut off", "\x28\xb5", 2},
	    {"a magic alone", "cut off", "\x28\xb5\x2f\xfd", 4},
	    {"a skippable frame of 4 GiB", "cut off", "\x50\x2a\x4d\x18\xff\xff\xff\xff", 8},
	};
	for (size_t i = 0; i < FC_LEN(frame); i++) {
		struct fc_err e = {""};
		struct fc_reader *r;
		FILE *f = fopen(path, "wb");
		fwrite(frame[i].bytes, 1, frame[i].n, f);
		fclose(f);
		T_OK(fc_reader_open(&r, path, 0, &e) < 0 && strstr(e.msg, frame[i].message),
		    "%s: %s", frame[i].what, e.msg);
	}
}

int main(void)
{
	snprintf(path, sizeof path, "/tmp/fc-hostile-%ld.fcs", (long)getpid());
	test_headers();
	test_nothing();
	test_sequence();
	test_examples();
	test_fields();
	test_tensors();
	test_maps();
	test_frames();
	unlink(path);
	return t_done();
}
