/* Dead peer detection and failover of a peer: the keys alive, priority and weight. */
#include "conf/sections.h"

#define INTERVAL_MIN_NS (10 * 1000000ull)
#define INTERVAL_MAX_NS (3600 * 1000000000ull)
#define THRESHOLD_MAX   255

/* By then most connections have timed out. */
#define SILENCE_WARN_NS (60 * 1000000000ull)

static void read_target(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_liveness *liveness = into;

	eg_read_host_ip(rd, node, &liveness->target);
}

static void read_source(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_liveness *liveness = into;

	eg_read_host_ip(rd, node, &liveness->source);
}

static void read_interval(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_liveness *liveness = into;
	uint64_t interval_ns;

	if (!eg_read_duration_ns(rd, node, &interval_ns))
		return;
	if (interval_ns < INTERVAL_MIN_NS || interval_ns > INTERVAL_MAX_NS)
		eg_read_error(rd, &node->pos, "%s is out of range (10ms-1h)", node->text);
	else
		liveness->interval_ns = interval_ns;
}

static void read_threshold(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_liveness *liveness = into;
	uint64_t threshold;

	if (!eg_read_u64(rd, node, 1, THRESHOLD_MAX, &threshold))
		return;
	liveness->threshold = (uint32_t)threshold;
	if (threshold == 1)
		eg_read_warning(rd, &node->pos,
				"a single lost or late reply marks the peer as down");
}

static bool has_subnets(struct eg_read *rd, const struct eg_node *node,
			const struct eg_conf_peer *peer)
{
	if (peer->mode == EG_MODE_TUNNEL)
		return true;
	eg_read_error(rd, eg_node_error_pos(node),
		      "only valid in mode tunnel: transport mode has no subnets");
	return false;
}

void eg_conf_read_liveness(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"target", read_target, true},
		{"source", read_source, false},
		{"interval", read_interval, false},
		{"threshold", read_threshold, false},
	};
	struct eg_conf_peer *peer = into;
	struct eg_conf_liveness *liveness = &peer->liveness;

	if (!has_subnets(rd, node, peer))
		return;

	liveness->interval_ns = EG_CONF_LIVENESS_INTERVAL_NS;
	liveness->threshold = EG_CONF_LIVENESS_THRESHOLD;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), liveness);
	if (liveness->interval_ns * liveness->threshold > SILENCE_WARN_NS)
		eg_read_warning(rd, eg_node_error_pos(node),
				"interval * threshold is %llu s: packets to a peer that is down "
				"are lost for that long",
				(unsigned long long)(liveness->interval_ns * liveness->threshold /
						     1000000000));
}

void eg_conf_read_priority(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;
	uint64_t priority;

	if (!has_subnets(rd, node, peer))
		return;
	peer->shares = true; /* even if its value is wrong */
	if (eg_read_u64(rd, node, 0, UINT16_MAX, &priority))
		peer->priority = (uint16_t)priority;
}

void eg_conf_read_weight(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_peer *peer = into;
	uint64_t weight;

	if (eg_read_u64(rd, node, 1, EG_CONF_WEIGHT_MAX, &weight))
		peer->weight = (uint16_t)weight;
	if (!peer->shares && peer->mode == EG_MODE_TUNNEL)
		eg_read_error(rd, eg_node_error_pos(node), "requires priority");
}

/* The first local address of the family on a clear port; if ip is not NULL, it must equal that. */
static const struct eg_ip *find_local_address(const struct eg_config *config, unsigned family,
					      const struct eg_ip *ip)
{
	eg_vec_foreach (port, &config->ports) {
		eg_vec_foreach (address, &port->addresses) {
			if (port->role == EG_ROLE_CLEAR && address->ip.family == family &&
			    (!ip || eg_ip_equal(&address->ip, ip)))
				return &address->ip;
		}
	}
	return NULL;
}

static bool in_subnets(const struct eg_conf_peer *peer, const struct eg_ip *ip)
{
	eg_vec_foreach (subnet, &peer->subnets) {
		if (subnet->ip.family && eg_prefix_contains(subnet, ip))
			return true;
	}
	return false;
}

/* Replies are accepted only from the peer's subnets (RFC 4301 s5.2). */
static void check_target(struct eg_read *rd, const struct eg_conf_peer *peer,
			 const struct eg_node *node)
{
	size_t mark = eg_read_enter(rd, "target");

	if (!in_subnets(peer, &peer->liveness.target))
		eg_read_error(
			rd, &node->pos,
			"%s is not inside the peer's subnets, so its replies would be dropped",
			node->text);
	eg_read_leave(rd, mark);
}

static void check_given_source(struct eg_read *rd, const struct eg_conf_liveness *liveness,
			       const struct eg_node *node)
{
	unsigned family = liveness->target.family;
	size_t mark = eg_read_enter(rd, "source");

	if (liveness->source.family != family)
		eg_read_error(rd, &node->pos, "%s and target have different address families",
			      node->text);
	else if (!find_local_address(rd->config, family, &liveness->source))
		eg_read_error(rd, &node->pos, "%s is not a local address of a clear port",
			      node->text);
	eg_read_leave(rd, mark);
}

/* Replies are sent to the source, so it must be a local address; and the peer accepts only sources
 * on the clear side of this gateway. */
static void check_source(struct eg_read *rd, struct eg_conf_liveness *liveness,
			 const struct eg_node *node)
{
	const struct eg_node *source = eg_node_get(node, "source");
	const struct eg_ip *local;

	if (source && liveness->source.family)
		check_given_source(rd, liveness, source);
	if (source) /* an invalid address has already been reported */
		return;
	local = find_local_address(rd->config, liveness->target.family, NULL);
	if (local)
		liveness->source = *local;
	else
		eg_read_error(rd, eg_node_error_pos(node),
			      "no clear port has an IPv%u address to send probes from "
			      "(ports.NAME.addresses)",
			      liveness->target.family);
}

void eg_conf_check_liveness(struct eg_read *rd)
{
	const struct eg_node *peers = eg_node_get(rd->root, "peers");
	const struct eg_node *peer_node = peers ? peers->child : NULL;

	eg_vec_foreach (peer, &rd->config->peers) {
		const struct eg_node *node = eg_node_get(peer_node, "alive");
		size_t mark = eg_read_enter(rd, "peers.%s.alive", peer->name ? peer->name : "?");

		if (peer->liveness.target.family)
			check_target(rd, peer, eg_node_get(node, "target"));
		if (peer->liveness.target.family && !(rd->invalid_sections & EG_INVALID_PORTS))
			check_source(rd, &peer->liveness, node);
		eg_read_leave(rd, mark);
		peer_node = peer_node->next;
	}
}
