/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_JINJA_JINJA_IMPL_H
#define FC_JINJA_JINJA_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "jinja/jinja.h"

/*
 * Inside of the template engine.  Values are Python's: what a template does is what jinja2 does in
 * the sandbox of Transformers.  All memory of a compiled template or of a run comes from one pool
 * and goes with it, so values are copied and shared freely and nothing below frees anything.
 */

/* A template comes with a downloaded model: it may be hostile, and ends in an error, not in a full
 * memory or a full stack. */
#define FC_JINJA_SOURCE_MAX ((size_t)1 << 20)  /* bytes of a template */
#define FC_JINJA_NEST_MAX 200                  /* nesting of a template's syntax tree */
#define FC_JINJA_DEPTH_MAX 1000                /* nesting of evaluation and of values */
#define FC_JINJA_STEP_MAX ((uint64_t)50000000) /* work of a run: about a node or 256 bytes each */
#define FC_JINJA_POOL_MAX ((size_t)512 << 20)  /* bytes of all values of a run */
#define FC_JINJA_TEXT_MAX ((size_t)128 << 20)  /* bytes of a string */
#define FC_JINJA_RANGE_MAX 100000              /* items of range(), as in jinja2's sandbox */

struct fc_jpool {
	struct fc_jchunk *chunk;
	char *last; /* the latest block: it can grow in place */
	size_t n_bytes;
};
void *fc_jpool_take(struct fc_jpool *p, size_t n); /* zeroed, 16-byte aligned */
/* Makes a block of old bytes one of n, moving it unless it was the latest. */
void *fc_jpool_grow(struct fc_jpool *p, void *block, size_t old, size_t n);
void fc_jpool_release(struct fc_jpool *p);

/*
 * A string and where its bytes come from: run i covers the bytes up to its end, n_run 0 means that
 * all are the template's own.  mark: 0 for the template, else FC_JMARK(origin, enum
 * fc_jinja_from), plus FC_JMARK_GENERATION.
 */
#define FC_JMARK_GENERATION 1
#define FC_JMARK(origin, from) (((int32_t)(origin) + 1) << 3 | (int32_t)(from) << 1)
struct fc_jrun {
	uint32_t end;
	int32_t mark;
};
struct fc_jstr {
	const char *p;
	uint32_t n, n_run;
	const struct fc_jrun *run;
};

enum fc_jkind {
	FC_JV_MISSING, /* an argument that was not given */
	FC_JV_UNDEFINED,
	FC_JV_NONE,
	FC_JV_BOOL,
	FC_JV_INT,
	FC_JV_FLOAT,
	FC_JV_STR,
	FC_JV_LIST,
	FC_JV_TUPLE,
	FC_JV_ITER, /* a generator: can be walked once */
	FC_JV_VIEW, /* range(), items() and the like: a sequence that is no list */
	FC_JV_DICT,
	FC_JV_NAMESPACE,
	FC_JV_MACRO,
	FC_JV_METHOD,
	FC_JV_FUNCTION,
	FC_JV_LOOP,
};

struct fc_jv {
	uint8_t kind;
	bool safe; /* a string that |safe or |escape made: + escapes the other side */
	union {
		bool b;
		int64_t i;
		double d;
		const struct fc_jstr *s;
		struct fc_jlist *list;
		struct fc_jdict *dict; /* dictionary and namespace */
		const struct fc_jundef *undef;
		const struct fc_jmacro *macro;
		const struct fc_jmethod *method;
		const struct fc_jbuiltin *fn;
		struct fc_jloop *loop;
	};
};

struct fc_jlist {
	struct fc_jv *v;
	uint32_t n, cap;
	uint32_t taken;   /* FC_JV_ITER: items already walked over */
	const char *view; /* FC_JV_VIEW: "dict_items", ...; of a tuple: FC_JINJA_GROUP or NULL */
};
struct fc_jpair {
	struct fc_jv k, v;
};
struct fc_jdict {
	struct fc_jpair *v; /* in order of insertion */
	uint32_t n, cap;
};
struct fc_jundef { /* what to say when an undefined value is used */
	const struct fc_jstr *name;
	const char *owner; /* type of the object without that member, or NULL */
	bool unsafe;       /* a method that changes its object: the sandbox refuses it */
};
struct fc_jmethod {
	struct fc_jv self;
	const struct fc_jbuiltin *fn;
};
struct fc_jmacro {
	const struct fc_jnode *node;
	struct fc_jframe *frame; /* where it was defined */
};
struct fc_jloop {
	struct fc_jlist *list; /* the items as far as they were looked at */
	uint32_t i;
	/* with a condition: what is still to be looked at; the body may change what it gives */
	const struct fc_jlist *rest; /* NULL: nothing */
	uint32_t i_rest;
	const struct fc_jnode *node;
	struct fc_jframe *frame; /* around the loop */
	int depth;               /* of a recursive loop, from 0 */
	const struct fc_jv *last_changed;
	uint32_t n_last_changed;
};

struct fc_jkeyword {
	const struct fc_jstr *name;
	struct fc_jv v;
};
struct fc_jargs {
	struct fc_jv *v;
	uint32_t n, cap;
	struct fc_jkeyword *kw;
	uint32_t n_kw, cap_kw;
};

struct fc_jx;
/*
 * A filter, test, method or function.  With params ("width first blank": names in order, the first
 * required ones mandatory) fn gets a[0] = the value it is applied to (none for a function) and then
 * one argument a name, FC_JV_MISSING where it was not given.  Without, call gets them as they came.
 */
struct fc_jbuiltin {
	const char *name, *params;
	int required;
	int (*fn)(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out);
	int (*call)(
	    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out);
};
#define FC_JINJA_PARAM_MAX 6

enum fc_jnode_kind {
	/* expressions */
	FC_JN_CONST,
	FC_JN_NAME,
	FC_JN_TUPLE,
	FC_JN_LIST,
	FC_JN_DICT, /* k, v, k, v, ... */
	FC_JN_COND, /* condition, then, else or NULL */
	FC_JN_OR,
	FC_JN_AND,
	FC_JN_NOT,
	FC_JN_COMPARE, /* first, then FC_JN_OPERANDs */
	FC_JN_OPERAND,
	FC_JN_BINARY,
	FC_JN_NEG,
	FC_JN_POS,
	FC_JN_CONCAT,
	FC_JN_ATTR,
	FC_JN_ITEM,
	FC_JN_SLICE,  /* start, stop, step; any NULL */
	FC_JN_CALL,   /* callee, arguments */
	FC_JN_FILTER, /* value (NULL: what the block printed), arguments */
	FC_JN_TEST,
	FC_JN_KEYWORD, /* arguments: name=value, *value, **value */
	FC_JN_STAR,
	FC_JN_STARSTAR,
	/* statements */
	FC_JN_BODY,
	FC_JN_DATA,
	FC_JN_PRINT,
	FC_JN_FOR, /* target, list, condition or NULL, body, else or NULL */
	FC_JN_IF,  /* condition, body, condition, body, ..., else where the count is odd */
	FC_JN_SET, /* target, value */
	FC_JN_NSREF,
	FC_JN_SETBLOCK,    /* target, filters or NULL, body */
	FC_JN_MACRO,       /* body, then FC_JN_PARAMs */
	FC_JN_PARAM,       /* default or NULL */
	FC_JN_CALLBLOCK,   /* call, macro */
	FC_JN_FILTERBLOCK, /* filters, body */
	FC_JN_GENERATION,
	FC_JN_WITH, /* body, then target, value, ... */
	FC_JN_BREAK,
	FC_JN_CONTINUE,
};
/* Names a macro's body mentions: it takes what they stand for. */
#define FC_JN_USES_VARARGS 1u
#define FC_JN_USES_KWARGS 2u
#define FC_JN_USES_CALLER 4u

struct fc_jnode {
	uint8_t kind, uses;
	uint16_t depth;
	int op; /* FC_JOP of a binary operator or comparison */
	uint32_t line, n_kid, cap_kid;
	struct fc_jnode **kid;
	const struct fc_jstr *str; /* name; text of FC_JN_DATA; namespace of FC_JN_NSREF */
	struct fc_jv value;        /* constant; attribute of FC_JN_NSREF */
	const struct fc_jbuiltin *fn;
};

/* An operator as a number: its characters. */
#define FC_JOP(a, b) ((a) << 8 | (b))
#define FC_JOP_IN FC_JOP('i', 'n')
#define FC_JOP_NOT_IN FC_JOP('!', 'i')

enum fc_jtok_kind {
	FC_JT_END,
	FC_JT_DATA,
	FC_JT_PRINT,     /* {{ */
	FC_JT_PRINT_END, /* }} */
	FC_JT_BLOCK,     /* {% */
	FC_JT_BLOCK_END, /* %} */
	FC_JT_NAME,
	FC_JT_CONST, /* string or number */
	FC_JT_OP,
};
struct fc_jtok {
	enum fc_jtok_kind kind;
	uint32_t line;
	int op;
	const char *p; /* data and names */
	uint32_t n;
	struct fc_jv value;
};
struct fc_jtoks {
	struct fc_jtok *v;
	size_t n, cap;
};

/* Reading a template. */
struct fc_jparser {
	struct fc_jpool *pool;
	struct fc_jtoks tok;
	size_t at;
	const char *name;
	struct fc_err *e;
	unsigned uses; /* of the macro being read */
	int depth, loops;
};
int fc_jinja_lex(struct fc_jtoks *out, struct fc_jpool *pool, const char *src, size_t n,
    const char *name, struct fc_err *e);
struct fc_jnode *fc_jinja_parse(struct fc_jparser *p); /* NULL: error */
/* Expressions; NULL: error. */
enum fc_jtuple {
	FC_JTUPLE_EXPR,   /* a, b, ... */
	FC_JTUPLE_LIST,   /* a, b, ... without an inline if, up to "recursive" */
	FC_JTUPLE_TARGET, /* names and namespace members, up to "in" */
};
struct fc_jnode *fc_jparser_expr(struct fc_jparser *p);
struct fc_jnode *fc_jparser_or(struct fc_jparser *p); /* an expression without an inline if */
struct fc_jnode *fc_jparser_unary(struct fc_jparser *p, bool with_filter);
struct fc_jnode *fc_jparser_tuple(struct fc_jparser *p, enum fc_jtuple mode, bool parens);
struct fc_jnode *fc_jparser_filters(struct fc_jparser *p, bool started);
struct fc_jnode *fc_jparser_node(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line);
/* Appends kid (may be NULL) and returns n, or NULL where the tree gets too deep. */
struct fc_jnode *fc_jparser_add(struct fc_jparser *p, struct fc_jnode *n, struct fc_jnode *kid);
/* A node with one or two kids; NULL where one of them is. */
struct fc_jnode *fc_jparser_node_of(struct fc_jparser *p, enum fc_jnode_kind kind, uint32_t line,
    struct fc_jnode *a, struct fc_jnode *b, int n_kid);
struct fc_jnode *fc_jparser_fail(struct fc_jparser *p, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool fc_jparser_is_op(const struct fc_jparser *p, int op);
bool fc_jparser_is_name(const struct fc_jparser *p, const char *name);
bool fc_jparser_skip_op(struct fc_jparser *p, int op);
bool fc_jparser_skip_name(struct fc_jparser *p, const char *name);
int fc_jparser_expect_op(struct fc_jparser *p, int op);
const struct fc_jstr *fc_jparser_name(struct fc_jparser *p); /* NULL: error */
struct fc_jnode *fc_jparser_unexpected(struct fc_jparser *p);

static inline const struct fc_jtok *fc_jparser_cur(const struct fc_jparser *p)
{
	return &p->tok.v[p->at];
}

/* Running one. */
struct fc_jframe {
	struct fc_jframe *up;
	struct fc_jkeyword *v;
	uint32_t n, cap;
};
struct fc_jcat { /* a string being written */
	char *p;
	size_t n, cap;
	struct fc_jrun *run;
	uint32_t n_run, cap_run;
};
struct fc_jx {
	struct fc_jpool pool;
	struct fc_jframe *frame;
	struct fc_jcat *out;
	struct fc_jv block_text; /* what a filter without a value works on */
	const char *name;
	struct fc_err *e;
	uint32_t line;
	int depth;
	uint64_t steps, step_max;
	size_t pool_max;
	bool too_long; /* a string hit a limit; the next step reports it */
	int64_t now_s;
};
/*
 * Limits hold while results grow, in the three places where they do: fc_jv_append() and fc_jv_put()
 * count a step and fail beyond a limit, so everything that makes a list or a dictionary ends with
 * them; fc_jcat_add() counts its bytes, adds nothing beyond a limit, and the next step fails.
 */
#define FC_JINJA_CHECKED __attribute__((warn_unused_result))
int fc_jx_fail(struct fc_jx *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts work and reports exceeded limits; -1: stop. */
int fc_jx_step(struct fc_jx *x, size_t n_bytes);
int fc_jx_enter(struct fc_jx *x); /* one level deeper; leave it by x->depth-- */
int fc_jx_eval(struct fc_jx *x, const struct fc_jnode *n, struct fc_jv *out);
int fc_jx_args(struct fc_jx *x, const struct fc_jnode *n, uint32_t first, struct fc_jargs *args);
int fc_jx_exec(struct fc_jx *x, const struct fc_jnode *n); /* 0, -1 or an enum fc_jflow */
enum fc_jflow { FC_JFLOW_BREAK = 1, FC_JFLOW_CONTINUE = 2 };
int fc_jx_call(struct fc_jx *x, struct fc_jv fn, const struct fc_jargs *args, struct fc_jv *out);
int fc_jx_call_builtin(struct fc_jx *x, const struct fc_jbuiltin *fn, const struct fc_jv *self,
    const struct fc_jargs *args, struct fc_jv *out);
/* What body prints, in a scope of its own below up. */
int fc_jx_capture(struct fc_jx *x, const struct fc_jnode *body, struct fc_jframe *up,
    const struct fc_jstr **text);
/* A member or an item, of a loop too. */
/* loop(items) of a recursive loop: what it prints over them. */
int fc_jx_recurse(
    struct fc_jx *x, const struct fc_jloop *l, const struct fc_jargs *args, struct fc_jv *out);
int fc_jx_attr(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name, struct fc_jv *out);
int fc_jx_item(struct fc_jx *x, struct fc_jv v, struct fc_jv key, struct fc_jv *out);
struct fc_jv fc_jx_lookup(struct fc_jx *x, const struct fc_jstr *name);
struct fc_jframe *fc_jframe_push(struct fc_jx *x, struct fc_jframe *up);
void fc_jframe_set(
    struct fc_jx *x, struct fc_jframe *f, const struct fc_jstr *name, struct fc_jv v);

/* Strings. */
const struct fc_jstr *fc_jstr_new(struct fc_jpool *p, const char *s, size_t n, int32_t mark);
const struct fc_jstr *fc_jstr_sub(struct fc_jx *x, const struct fc_jstr *s, size_t from, size_t to);
int32_t fc_jstr_mark(const struct fc_jstr *s, size_t at);
size_t fc_jstr_chars(const struct fc_jstr *s);
/* Byte offset of character i. */
size_t fc_jstr_offset(const struct fc_jstr *s, size_t i);
bool fc_jstr_is(const struct fc_jstr *s, const char *name);
bool fc_jstr_same(const struct fc_jstr *a, const struct fc_jstr *b);
/* Offset of part in s at from or after, SIZE_MAX if there is none. */
size_t fc_jstr_find(const struct fc_jstr *s, const struct fc_jstr *part, size_t from);
/* Offset of the last part that ends at or before end; SIZE_MAX: none. */
size_t fc_jstr_find_last(const struct fc_jstr *s, const struct fc_jstr *part, size_t end);
bool fc_jstr_has_affix(const struct fc_jstr *s, const struct fc_jstr *part, bool at_end);
bool fc_jchar_is_space(uint32_t cp); /* as str.isspace() */
size_t fc_jchar_get(const struct fc_jstr *s, size_t at, uint32_t *cp);
void fc_jcat_add(struct fc_jx *x, struct fc_jcat *c, const char *p, size_t n, int32_t mark);
void fc_jcat_adds(struct fc_jx *x, struct fc_jcat *c, const char *p);
void fc_jcat_add_char(struct fc_jx *x, struct fc_jcat *c, uint32_t cp, int32_t mark);
void fc_jcat_add_sub(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s, size_t from,
    size_t to, int32_t or_mark);
void fc_jcat_add_str(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s);
const struct fc_jstr *fc_jcat_str(struct fc_jx *x, const struct fc_jcat *c);

/* Values. */
struct fc_jv fc_jv_undefined(struct fc_jx *x, const char *owner, const struct fc_jstr *name);
struct fc_jv fc_jv_none(void);
struct fc_jv fc_jv_bool(bool b);
struct fc_jv fc_jv_int(int64_t i);
struct fc_jv fc_jv_float(double d);
struct fc_jv fc_jv_str(const struct fc_jstr *s);
struct fc_jv fc_jv_text(struct fc_jx *x, const char *s); /* s is copied */
struct fc_jv fc_jv_list(struct fc_jx *x, enum fc_jkind kind, size_t n);
int fc_jv_append(struct fc_jx *x, struct fc_jv list, struct fc_jv v) FC_JINJA_CHECKED;
struct fc_jv fc_jv_dict(struct fc_jx *x);
int fc_jv_put(struct fc_jx *x, struct fc_jv dict, struct fc_jv k, struct fc_jv v) FC_JINJA_CHECKED;
/* NULL: no such key. */
struct fc_jv *fc_jv_member(const struct fc_jdict *d, const char *p, size_t n);
int fc_jv_find(struct fc_jx *x, const struct fc_jdict *d, struct fc_jv k, struct fc_jv **v);
struct fc_jv fc_jv_from_json(struct fc_jx *x, const json_t *j);
/* The variable "messages". */
struct fc_jv fc_jv_from_messages(struct fc_jx *x, const struct fc_jinja_message *m, size_t n);
const char *fc_jv_type(struct fc_jv v); /* Python's name of the type */
bool fc_jv_true(struct fc_jv v);
bool fc_jv_is_number(struct fc_jv v);   /* bool too */
double fc_jv_real(struct fc_jv v);      /* of a number */
bool fc_jv_is_sequence(struct fc_jv v); /* list, tuple, view */
int fc_jv_equal(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out);
int fc_jv_less(struct fc_jx *x, struct fc_jv a, struct fc_jv b, bool *out);
int fc_jv_compare_op(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b, bool *out);
int fc_jv_binary(struct fc_jx *x, int op, struct fc_jv a, struct fc_jv b, struct fc_jv *out);
int fc_jv_items(struct fc_jx *x, struct fc_jv v, struct fc_jlist **out); /* to walk over */
int fc_jv_length(struct fc_jx *x, struct fc_jv v, int64_t *out);
/* v's member by a path: an index, a name or "a.b.0". */
int fc_jv_path(struct fc_jx *x, struct fc_jv v, struct fc_jv path, struct fc_jv *out);
int fc_jv_attr(struct fc_jx *x, struct fc_jv v, const struct fc_jstr *name, struct fc_jv *out);
int fc_jv_item(struct fc_jx *x, struct fc_jv v, struct fc_jv key, struct fc_jv *out);
int fc_jv_slice(struct fc_jx *x, struct fc_jv v, const struct fc_jv range[3], struct fc_jv *out);
/* The string s, safe where like is. */
struct fc_jv fc_jv_same_safe(struct fc_jv like, const struct fc_jstr *s);
int fc_jv_want_str(struct fc_jx *x, struct fc_jv v); /* -1: it is none */
/* *out = the integer v, or def where it was not given. */
int fc_jv_want_int(struct fc_jx *x, struct fc_jv v, int64_t def, int64_t *out);
int fc_jv_use_undefined(struct fc_jx *x, struct fc_jv v);            /* always fails */
int fc_jv_print(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v); /* as str() */
int fc_jv_repr(struct fc_jx *x, struct fc_jcat *c, struct fc_jv v);
int fc_jv_to_str(struct fc_jx *x, struct fc_jv v, const struct fc_jstr **out);
void fc_jv_float_text(double d, char out[64]);
void fc_jv_escape(struct fc_jx *x, struct fc_jcat *c, const struct fc_jstr *s);
int fc_jv_tojson(struct fc_jx *x, const struct fc_jv *a, struct fc_jv *out); /* the filter */
#define FC_JINJA_GROUP "group" /* view of a tuple of groupby */
/* How sequences are sorted; attribute, def MISSING: none. */
struct fc_jsort {
	struct fc_jv attribute, def;
	bool cased, down;
};
int fc_jv_sort_key(struct fc_jx *x, struct fc_jv v, const struct fc_jsort *s, struct fc_jv *out);
int fc_jv_sort(
    struct fc_jx *x, const struct fc_jlist *l, const struct fc_jsort *s, struct fc_jv *out);
/* Formatting: how one field is written. */
struct fc_jspec {
	uint32_t fill;
	char align, sign, group; /* '<' '>' '^' '=', '+' ' ' '-', ',' '_'; 0: none */
	bool alt, zero;          /* '#'; '0' before the width */
	int64_t width;
	int64_t precision; /* -1: none */
	int64_t digits;    /* of an integer, at least */
};
int fc_jspec_check(struct fc_jx *x, const struct fc_jspec *f); /* the limits of its sizes */
int fc_jformat_text(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, const struct fc_jstr *s);
/* type: of a format specification; 0: none */
int fc_jformat_number(
    struct fc_jx *x, struct fc_jcat *c, const struct fc_jspec *f, struct fc_jv v, char type);
int fc_jformat_percent(struct fc_jx *x, struct fc_jv text, struct fc_jv values, struct fc_jv *out);
int fc_jformat_braces(
    struct fc_jx *x, struct fc_jv self, const struct fc_jargs *args, struct fc_jv *out);
/* Looks at items until list has n, or at all of them. */
int fc_jloop_fill(struct fc_jx *x, struct fc_jloop *l, uint32_t n);

/* Tables; NULL: no such name. */
const struct fc_jbuiltin *fc_jinja_filter(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_value_filter(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_seq_filter(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_group_filter(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_text_filter(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_test(const char *p, size_t n);
const struct fc_jbuiltin *fc_jinja_function(const struct fc_jstr *name);
const struct fc_jbuiltin *fc_jinja_str_method(const struct fc_jstr *name);
const struct fc_jbuiltin *fc_jinja_search_method(const struct fc_jstr *name);
const struct fc_jbuiltin *fc_jinja_pad_method(const struct fc_jstr *name);
const struct fc_jbuiltin *fc_jinja_method(struct fc_jv self, const struct fc_jstr *name);
const struct fc_jbuiltin *fc_jinja_find(
    const struct fc_jbuiltin *table, size_t count, const char *p, size_t n);

#endif
