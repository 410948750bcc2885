/* SPDX-License-Identifier: Apache-2.0 */
#include "chat/conversation_read.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "chat/columns.h"
#include "chat/message_parse.h"
#include "chat/question.h"

int fc_conversation_read_id(struct fc_conversation *c, const json_t *line, uint64_t number,
    const char *where, struct fc_err *e)
{
	/* of messages as data sets have them, FastChat's and UltraChat's among them; "uid" is
	 * Arena-Hard's */
	static const char *const keys[] = {
	    "id", "uid", "conversation_id", "question_id", "uuid", "prompt_id"};
	const char *key = "id";
	const json_t *v = NULL;
	for (size_t i = 0; i < FC_LEN(keys) && (!v || json_is_null(v)); i++) {
		if (c->form != FC_FORM_ARENA && !strcmp(keys[i], "uid"))
			continue;
		key = keys[i];
		v = json_object_get(line, key);
	}
	struct fc_buf b = FC_BUF_INIT;
	if (!v || json_is_null(v))
		fc_buf_addf(&b, "line-%" PRIu64, number);
	else if (json_is_integer(v))
		fc_buf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v))
		fc_buf_adds(&b, json_string_value(v));
	else
		return fc_fail(e, "%s: \"%s\" is neither a string nor an integer", where, key);
	c->id = fc_buf_detach(&b);
	return 0;
}

static void leave_opening(struct fc_conversation *c)
{
	for (size_t i = 0; i < c->n_message && c->message[i].role != FC_ROLE_USER; i++)
		if (c->message[i].role == FC_ROLE_ASSISTANT && !c->message[i].untrained) {
			c->message[i].untrained = true;
			c->n_opening++;
		}
}

static int read_list(struct fc_conversation *c, json_t *line, const char *where, struct fc_err *e)
{
	const char *name = fc_shape_list(line);
	const json_t *list = json_object_get(line, name);
	if (!json_is_array(list))
		return fc_fail(e, "%s: \"%s\" is not a list", where, name);
	if (json_array_size(list) == 0)
		return fc_fail(e, "%s: \"%s\" is empty", where, name);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (fc_message_parse(c, json_array_get(list, i), i + 1, where, e) < 0)
			return -1;
	json_object_del(line, name);
	return fc_columns_system(c, line, where, e);
}

/* Lists that are null are none, and conversations in columns are written with one. */
static void delete_null(json_t *line, const char *name)
{
	if (json_is_null(json_object_get(line, name)))
		json_object_del(line, name);
}

static int read_shape(struct fc_conversation *c, json_t *line, enum fc_shape shape, unsigned kinds,
    const char *where, struct fc_err *e)
{
	switch (shape) {
	case FC_SHAPE_MESSAGES:
		c->form = FC_FORM_MESSAGES;
		return read_list(c, line, where, e);
	case FC_SHAPE_SHAREGPT:
		c->form = FC_FORM_SHAREGPT;
		fc_columns_wrap_tools(line);
		return read_list(c, line, where, e);
	case FC_SHAPE_ALPACA:
		fc_columns_wrap_tools(line);
		return fc_columns_alpaca(c, line, where, e);
	case FC_SHAPE_COMPLETION:
		return fc_columns_completion(c, line, where, e);
	case FC_SHAPE_PROMPT:
		return fc_columns_prompt(c, line, where, e);
	default:
		return fc_question_parse(c, line, kinds, where, e) > 0 ? 0 : -1;
	}
}

static int read_line(struct fc_conversation *c, json_t *line, enum fc_shape shape, unsigned kinds,
    bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	if (read_shape(c, line, shape, kinds, where, e) < 0 ||
	    fc_conversation_read_id(c, line, number, where, e) < 0)
		return -1;
	if (c->form != FC_FORM_TEXT && !train_opening)
		leave_opening(c);
	json_object_del(line, "id");
	delete_null(line, "messages");
	delete_null(line, "conversations");
	c->extra = json_incref(line);
	return 0;
}

int fc_conversation_read_shape(struct fc_conversation *c, json_t *line, enum fc_shape shape,
    unsigned kinds, bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	fc_conversation_release(c);
	if (read_line(c, line, shape, kinds, train_opening, number, where, e) == 0)
		return 0;
	fc_conversation_release(c);
	return -1;
}

int fc_conversation_read(struct fc_conversation *c, json_t *line, unsigned kinds,
    bool train_opening, uint64_t number, const char *where, struct fc_err *e)
{
	enum fc_shape shape;
	kinds &= ~(unsigned)FC_LINE_PAIRS;
	if (fc_shape_find(&shape, line, kinds, where, e) < 0)
		return -1;
	return fc_conversation_read_shape(c, line, shape, kinds, train_opening, number, where, e);
}
