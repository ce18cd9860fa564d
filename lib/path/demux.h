/* The kinds of packet that come in by an encrypted port. One worker's, as the rest of path. */
#ifndef EG_PATH_DEMUX_H
#define EG_PATH_DEMUX_H

#include "path/path.h"

enum eg_wire_kind {
	EG_WIRE_ESP,
	EG_WIRE_ESP_IN_UDP,
	EG_WIRE_FRAGMENT,
	EG_WIRE_BAD_UDP,
	EG_WIRE_KEEPALIVE,
	EG_WIRE_IKE,
	EG_WIRE_WIREGUARD,
	EG_WIRE_PATH_MTU,
	EG_WIRE_ECHO,
	EG_WIRE_LOCAL,
	EG_WIRE_PLAIN,
};

#define EG_WIRE_KINDS (EG_WIRE_PLAIN + 1)

/* The kind of packet i, which has been parsed. Changes nothing. */
enum eg_wire_kind eg_demux_kind(const struct eg_path *path, unsigned i);

#endif
