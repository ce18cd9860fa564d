/* control: the socket through which operators ask and command the running gateway. */
#include <string.h>

#include "conf/sections.h"
#include "espgate/control_protocol.h"

static void read_socket(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_control *control = into;

	control->socket_pos = *eg_node_error_pos(node);
	if (eg_conf_read_path(rd, node, &control->socket) &&
	    strlen(control->socket) > EG_CONF_SOCKET_MAX)
		eg_read_error(rd, &node->pos, "%s is too long for a socket (at most %d bytes)",
			      control->socket, EG_CONF_SOCKET_MAX);
}

/* Three octal digits, with or without a leading 0. Whoever may write to the socket commands the
 * gateway, so it is never open to everyone. */
static void read_mode(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_control *control = into;
	const char *text = eg_read_text(rd, node);
	unsigned mode = 0;

	control->mode_pos = *eg_node_error_pos(node);
	if (!text)
		return;
	if (strspn(text, "01234567") != strlen(text) || strlen(text) < 3 || strlen(text) > 4) {
		eg_read_error(rd, &node->pos, "expected a mode like \"0660\", found \"%s\"", text);
		return;
	}
	for (const char *digit = text; *digit; digit++)
		mode = mode * 8 + (unsigned)(*digit - '0');
	if (mode != 0600 && mode != 0660)
		eg_read_error(rd, &node->pos,
			      "%s is not allowed: 0600 (owner) or 0660 (owner and group)", text);
	else
		control->mode = mode;
}

static void read_group(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_control *control = into;

	control->group_pos = *eg_node_error_pos(node);
	eg_read_string(rd, node, &control->group);
}

void eg_conf_read_control(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"socket", read_socket, false},
		{"mode", read_mode, false},
		{"group", read_group, false},
	};
	struct eg_config *config = into;
	struct eg_conf_control *control = &config->control;

	control->pos = *eg_node_error_pos(node);
	control->mode = 0660;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), control);
	if (!control->socket && !control->socket_pos.file)
		control->socket = strdup(EG_CONTROL_SOCKET);
	if (!control->socket && !control->socket_pos.file)
		eg_read_no_memory(rd);
}
