/* crypto: how packets are sealed and opened. */
#include "conf/sections.h"

static void read_multi_packet(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"auto", "off"};
	struct eg_config *config = into;
	unsigned choice;

	config->multi_packet_pos = node->pos;
	if (eg_read_enum(rd, node, names, 2, &choice))
		config->multi_packet = choice == 0;
}

void eg_conf_read_crypto(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"multi_packet", read_multi_packet, false},
	};

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
}
