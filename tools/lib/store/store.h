/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_STORE_STORE_H
#define FC_STORE_STORE_H

#include "base/err.h"
#include "tensor/tensor.h"

/*
 * store/: models as they lie in files.  Read store (one view of all of them) first;
 * behind it are safetensors (one file; safetensors_scan and safetensors_header read its header),
 * gguf with gguf_file, gguf_type, gguf_get and gguf_meta (the format itself), gguf_hf with
 * gguf_names, gguf_arch, gguf_config and gguf_rope (a GGUF model under Hugging Face's names), and
 * stream_tensors (a stream); then fingerprint, and what writes: store_writer and gguf_writer.
 * modelpath says what is no model, modelfiles which files one has beside its weights, lineage from
 * which models it was trained; modeldtype enters the type of weights in config.json;
 * adapter_config reads what an adapter says of itself.
 */

/*
 * The tensors of one model, found by name: a Hugging Face folder (model.safetensors, or shards with
 * model.safetensors.index.json), one .safetensors file, one GGUF model, whose tensors come under
 * their Hugging Face names, or a stream of tensors, also from a pipe or standard input ("-"). Files
 * are mapped, not read, but for streams, which are kept in $TMPDIR first; every header is validated
 * when opened.
 * PyTorch pickles are refused with the advice to convert.
 */
struct fc_store;
struct fc_gguf;
int fc_store_open(struct fc_store **s, const char *path, struct fc_err *e);
/* Opens a model, or a stream that holds the changes of a model (fc-train --update): *pivot is then
 * that model's fingerprint, else 0.  fc_store_open() refuses such a stream. */
int fc_store_open_update(struct fc_store **s, const char *path, uint64_t *pivot, struct fc_err *e);
void fc_store_close(struct fc_store *s);

size_t fc_store_count(const struct fc_store *s);
/* Sorted by name.  Borrowed: valid until fc_store_close(). */
const struct fc_tensor *fc_store_at(const struct fc_store *s, size_t i);
const struct fc_tensor *fc_store_find(const struct fc_store *s, const char *name); /* or NULL */

/* The GGUF model behind it, borrowed, or NULL. */
const struct fc_gguf *fc_store_gguf(const struct fc_store *s);
/* The GGUF file that path stands for: itself, or in a folder without config.json and safetensors
 * the only model there (a split one by its first file).  The caller's to free(); NULL: none, or
 * several. */
char *fc_store_gguf_path(const char *path);

/* Identifies the model: a hash over names, types, shapes and samples of every tensor's bytes. */
uint64_t fc_store_fingerprint(const struct fc_store *s);

/* Lets go of the memory behind n bytes of a store's tensor; reading them again brings them back
 * from the file.  For passes over a model that should not grow with it.  Any other memory would
 * be erased. */
void fc_store_forget(const void *p, size_t n);

/*
 * Writes safetensors into an existing folder.  The plan (names, types, shapes; data ignored) fixes
 * every offset before the first byte, so that tensors can be written in any order, in blocks, by
 * several threads.  One file "model.safetensors" up to shard_bytes, else numbered shards and an
 * index.  The folder's atomicity is the caller's (fc_outdir).
 */
struct fc_store_writer;
int fc_store_writer_open(struct fc_store_writer **w, const char *dir, const struct fc_tensor *plan,
    size_t n, size_t shard_bytes, struct fc_err *e);
/* Bytes [offset, offset + n) of tensor i of the plan.  Safe from several threads. */
int fc_store_writer_put(
    struct fc_store_writer *w, size_t i, size_t offset, const void *p, size_t n, struct fc_err *e);
/*
 * For work that goes on after an interruption: opens the files that an earlier writer with the same
 * plan left in the folder.  Nothing counts as written; what is found to be right is marked.
 */
int fc_store_writer_reopen(struct fc_store_writer **w, const char *dir,
    const struct fc_tensor *plan, size_t n, size_t shard_bytes, struct fc_err *e);
int fc_store_writer_get(
    struct fc_store_writer *w, size_t i, size_t offset, void *p, size_t n, struct fc_err *e);
void fc_store_writer_mark(struct fc_store_writer *w, size_t i); /* all of it is written */
/* Removes the files that a writer makes from the folder. */
int fc_store_remove(const char *dir, struct fc_err *e);
/* Writes the index and closes; frees w also on failure. */
int fc_store_writer_close(struct fc_store_writer *w, struct fc_err *e);

#endif
