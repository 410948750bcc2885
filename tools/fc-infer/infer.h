/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_INFER_INFER_H
#define FC_INFER_INFER_H

#include "base/opt.h"
#include "chat/chat.h"
#include "fc-infer/unread.h"
#include "model/kvcache.h"
#include "model/sample.h"
#include "stream/policy.h"
#include "stream/writer.h"

/*
 * fc-infer: main parses options, session opens what every mode needs and turns lines into examples
 * (text: lines without a template; windows: pieces of a long one; unread: members of lines that
 * nobody read).  capture makes distributions and tokens, over kept_rows, which goes on with what
 * an interrupted run left.  generate answers: answer_queue hands out what is to be answered and
 * writes what has been, in input order (resume: behind what is there; doubled: ids that come
 * twice); slots runs the model over several conversations at a time; turn makes a turn's prompt
 * and puts its answer in; stops knows where an answer ends; answers is the form of answer files.
 * infer.h has what they share, infer_footprint what memory the work takes; served/ makes
 * distributions of what a server said.
 */

/* What to do with a too long conversation.  From LONG_ROLLING on: windows of that enum window_rule,
 * in its order. */
enum long_rule {
	LONG_STOP,
	LONG_TRUNCATE,
	LONG_SKIP,
	LONG_ROLLING,
	LONG_STRIDED,
	LONG_CHUNKS,
	LONG_N
};

/* How a server is asked for log-probabilities of a text: by vLLM's prompt_logprobs, or to repeat it
 * with logprobs; its tokens, or its text. */
enum ask { ASK_PROMPT_LOGPROBS, ASK_ECHO, ASK_ECHO_TEXT, ASK_N };

/* What of the work on a device is in the host's memory. */
enum infer_offload { INFER_OFFLOAD_NONE, INFER_OFFLOAD_LAYERS, INFER_OFFLOAD_N };

struct infer_options {
	const char *model, *pivot, *template_file, *output, *name, *device;
	int top_k;                 /* -1: not given */
	int n_sample;              /* draws of a row; 0: the likeliest entries */
	double sample_temperature; /* NaN: not given */
	int batch_tokens;          /* see infer_batch_tokens() */
	int max_length;
	enum infer_offload offload;
	enum long_rule long_rule;
	enum fc_compute compute;
	int stride; /* of windows; 0: max_length */
	bool tokens_only, all_rows, train_opening;
	bool logprobs;                  /* the input has a server's responses */
	const char *make_tokenizer;     /* of --logprobs without -m; or NULL */
	const char *served_model, *log; /* of --endpoint: the server's name for it; or NULL */
	enum ask ask;
	enum fc_text_cut cut;
	bool generate;
	struct fc_sampling sampling; /* temperature: NaN where none was given */
	double penalty;              /* for repeated tokens; 1: none */
	int max_new;                 /* 0: see infer_max_new() */
	int n_slot, n_choice, cache_mib;
	uint64_t seed;
	struct fc_strs stop, stop_token;
	bool resume, verbose, dry_run;
	const char *shard_text; /* I/N, or NULL */
	struct fc_shard shard;
	double tstamp;
};

/* Tokens of a pass at most, unless one window has more: where layers come to the device for each,
 * so many that computing takes longer than that. */
size_t infer_batch_tokens(const struct infer_options *o);
/* Tokens of an answer at most: --max-new, else FastChat's 1024 for questions, else 256. */
int infer_max_new(const struct infer_options *o, enum fc_conversation_form form);

/* What every mode needs: the model's parts and the conversations. */
struct session {
	const struct infer_options *opt;
	struct fc_nn *nn;       /* NULL with --tokens */
	struct fc_model *model; /* NULL with --tokens */
	struct fc_tokenizer *tokenizer;
	struct fc_chat *chat;  /* of the pivot, if one is given; NULL: none, see no_chat */
	struct fc_err no_chat; /* why */
	uint32_t turn_end;     /* the model's own token for the end of a turn, or FC_NO_TOKEN */
	size_t n_vocab;        /* the tokenizer's: ids of tokens are below it */
	size_t n_output;       /* the model's: what the softmax runs over; with --tokens n_vocab */
	uint32_t *gap;         /* [n_gap] ids below n_vocab without a token */
	size_t n_gap;
	size_t max_length; /* tokens of a conversation; 0: unknown, with --tokens */
	struct fc_conversations *input;
	struct fc_example other; /* a conversation as the other cut has it */
	uint64_t n_recut;        /* conversations with other tokens than cut whole */
	uint64_t n_line;         /* lines read */
	uint64_t n_kept_line; /* of them, those that --long skip has left, where it counts shards */
	/* What takes the memory of the work, over nn/dry.h: see infer_footprint_check(). */
	int (*measure)(struct session *dry, struct fc_err *e);
	bool makes_room; /* what grows with passes has room for the largest from the first on */
	struct fc_policy policy; /* with --generate: the model, as the lines that it answers say */
	struct unread unread;
};

/* measure: of what is done with it. */
int infer_session_open(struct session *s, const struct infer_options *opt,
    int (*measure)(struct session *dry, struct fc_err *e), char **paths, int n_paths,
    struct fc_err *e);
void infer_session_close(struct session *s);
/* Counts a line that was read. */
void infer_session_count(struct session *s, const struct fc_conversation *c);
/* What is said once, at the end, of all lines; -1: all are invalid. */
int infer_session_tell(const struct session *s, struct fc_err *e);
char *infer_session_name(
    const struct session *s); /* --name, else the folder's; the caller's to free() */
/* How rows are drawn; n is 0 where they are the likeliest entries. */
struct fc_draws infer_session_draws(const struct session *s);
/* Entries of a row at most: --top-k or the draws, or all outputs where these are fewer. */
size_t infer_session_top_k(const struct session *s);
void infer_session_header(const struct session *s, struct fc_header *h, enum fc_kind kind);

/* Next conversation as tokens: 1 done, 0 end of input, -1 error.  Counts those truncated or
 * skipped. */
struct long_count {
	uint64_t n_truncated, n_skipped;
	uint64_t n_unscored; /* tokens that no window scores */
};
int infer_session_next(
    struct session *s, struct fc_example *x, struct long_count *n_long, struct fc_err *e);

/* Shows how much is done, in the unit of fc_progress_start(), and the share of the input. */
void infer_session_progress(const struct session *s, uint64_t done);

int infer_tokens(struct session *s, struct fc_err *e);
int infer_capture(struct session *s, struct fc_err *e);
int infer_generate(struct session *s, struct fc_err *e);

/* Before the model is loaded: tells what memory the work takes of a device, and of the processor
 * where it is only asked for that, and fails where a device has too little.  *n_stay: layers that
 * have room there. */
int infer_footprint_check(const struct session *s, size_t *n_stay, struct fc_err *e);
/* When the model is open: the largest pass comes first, see fc_nn_idle(). */
int infer_footprint_rehearse(struct session *s, struct fc_err *e);
/* What takes the memory of the work, once, over nn/dry.h: a pass as large as any; caches that are
 * full. */
int infer_capture_measure(struct session *s, struct fc_err *e);
int infer_slots_measure(struct session *s, struct fc_err *e);

#endif
