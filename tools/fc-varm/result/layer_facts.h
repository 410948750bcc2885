/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FC_VARM_LAYER_FACTS_H
#define FC_VARM_LAYER_FACTS_H

#include "base/err.h"
#include "text/json.h"

/*
 * What a configuration says of single layers: a list with one entry a layer ("layer_types",
 * "no_rope_layers"), or a rule by the layer's number ("sliding_window_pattern",
 * "max_window_layers").  When layers move, a list must move with them, and a rule must become a
 * list first.
 */

/* The part of config.json that describes the layers (of a model with images, "text_config") and the
 * member that counts them; NULL: there is none. */
json_t *varm_layer_facts_part(json_t *config, const char **count_key);

/* Makes lists of the rules, by the family's definition in Transformers.  A rule that is not known
 * is refused by name; where is the file's, for messages. */
int varm_layer_facts_complete(json_t *part, int n_layer, const char *where, struct fc_err *e);

/* Whether a member has one entry for each layer. */
bool varm_layer_facts_is_list(const char *key, const json_t *value, int n_layer);

/* After the lists have moved: writes rules that Transformers reads as numbers of layers as such
 * again, and drops rules that no longer say the same as the lists. */
void varm_layer_facts_finish(json_t *part);

#endif
