/* Lifetime limits of a peer's SAs, and rekeying. */
#include "conf/sections.h"

/* Inner packets are rarely longer: after that many bytes, 2^32 sequence numbers are used up. */
#define SEQUENCE_SPACE (1ull << 32)
#define TYPICAL_MTU    1500

#define READER(name, kind)                                                                         \
	static void read_##name(struct eg_read *rd, const struct eg_node *node, void *into)        \
	{                                                                                          \
		struct eg_lifetime *lifetime = into;                                               \
                                                                                                   \
		kind(rd, node, &lifetime->name);                                                   \
	}

static void read_count(struct eg_read *rd, const struct eg_node *node, uint64_t *out)
{
	eg_read_u64(rd, node, 1, UINT64_MAX, out);
}

static void read_size(struct eg_read *rd, const struct eg_node *node, uint64_t *out)
{
	if (eg_read_bytes(rd, node, out) && !*out)
		eg_read_error(rd, &node->pos, "must not be 0");
}

static void read_time(struct eg_read *rd, const struct eg_node *node, uint64_t *out)
{
	if (eg_read_duration_ns(rd, node, out) && !*out)
		eg_read_error(rd, &node->pos, "must not be 0");
}

READER(soft_packets, read_count)
READER(hard_packets, read_count)
READER(soft_bytes, read_size)
READER(hard_bytes, read_size)
READER(soft_time_ns, read_time)
READER(hard_time_ns, read_time)

/* A soft limit must be reached before the hard one. */
static void check_order(struct eg_read *rd, const struct eg_node *map, const char *key,
			uint64_t soft, uint64_t hard)
{
	const struct eg_node *node = eg_node_get(map, key);
	size_t mark = eg_read_enter(rd, "%s", key);

	if (node && soft && hard && soft >= hard)
		eg_read_error(rd, &node->pos, "%s is not below the hard limit", node->text);
	eg_read_leave(rd, mark);
}

/* Without ESN, sequence numbers may run out before the lifetime ends. */
static void check_sequence_space(struct eg_read *rd, const struct eg_node *node,
				 const struct eg_conf_peer *peer)
{
	const struct eg_lifetime *lifetime = &peer->lifetime;
	bool large = lifetime->hard_packets
			     ? lifetime->hard_packets >= SEQUENCE_SPACE
			     : lifetime->soft_packets >= SEQUENCE_SPACE ||
				       lifetime->hard_bytes / TYPICAL_MTU >= SEQUENCE_SPACE;

	eg_vec_foreach (sa, &peer->sas) {
		if (!large || sa->esn)
			continue;
		eg_read_warning(rd, eg_node_error_pos(node),
				"sas[%zu] without ESN runs out of sequence numbers first, after "
				"2^32 - 1 packets (RFC 4303 s2.2.1, s3.3.3: esn: true)",
				(size_t)(sa - peer->sas.v));
		return;
	}
}

void eg_conf_read_lifetime(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"soft_packets", read_soft_packets, false},
		{"hard_packets", read_hard_packets, false},
		{"soft_bytes", read_soft_bytes, false},
		{"hard_bytes", read_hard_bytes, false},
		{"soft_time", read_soft_time_ns, false},
		{"hard_time", read_hard_time_ns, false},
	};
	struct eg_conf_peer *peer = into;
	struct eg_lifetime *lifetime = &peer->lifetime;

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), lifetime);
	if (node->kind != EG_NODE_MAP)
		return;
	check_order(rd, node, "soft_packets", lifetime->soft_packets, lifetime->hard_packets);
	check_order(rd, node, "soft_bytes", lifetime->soft_bytes, lifetime->hard_bytes);
	check_order(rd, node, "soft_time", lifetime->soft_time_ns, lifetime->hard_time_ns);
	check_sequence_space(rd, node, peer);
}

static void read_send_delay(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	eg_read_duration_ns(rd, node, &peer->send_delay_ns);
}

static void read_grace(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;

	eg_read_duration_ns(rd, node, &peer->grace_ns);
}

void eg_conf_read_rekey(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"send_delay", read_send_delay, false},
		{"grace", read_grace, false},
	};
	struct eg_conf_peer *peer = into;

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), peer);
	if (peer->grace_ns < peer->send_delay_ns)
		eg_read_warning(rd, eg_node_error_pos(node),
				"grace is shorter than send_delay: the peer may still send on an "
				"SA that is no longer accepted here");
}
