/* Checks which peers have which subnets. A subnet belongs to one peer, or to several that share it:
 * each of them has a priority and exactly the same prefix. Nested prefixes must belong to the same
 * peers: packets are routed by the longest prefix, and an inner source inside one peer's prefix
 * must not belong to another by a longer one (RFC 4301 s5.2). */
#include "conf/sections.h"

#include <stdlib.h>

/* Equal prefixes, ordered by peer. */
struct group {
	const struct eg_prefix_item *first;
	size_t n;
};

static struct group group_at(const struct eg_prefix_index *subnets,
			     const struct eg_prefix_item *first)
{
	const struct eg_prefix_item *end = subnets->items.v + subnets->items.n;
	struct group group = {first, 1};

	while (first + group.n < end && eg_prefix_equal(&first[group.n].prefix, &first->prefix))
		group.n++;
	return group;
}

/* The group of the covering prefix; n is 0 if there is none. item->parent is the last of its
 * equals; collects no more of them than may share a prefix. */
static struct group covering_group(const struct eg_prefix_index *subnets,
				   const struct eg_prefix_item *item)
{
	const struct eg_prefix_item *items = subnets->items.v;
	struct group group = {0};

	if (item->parent == EG_PREFIX_INDEX_NONE)
		return group;
	group = (struct group){&items[item->parent], 1};
	while (group.first > items && group.n < EG_CONF_SHARE_MAX &&
	       eg_prefix_equal(&group.first[-1].prefix, &group.first->prefix)) {
		group.first--;
		group.n++;
	}
	return group;
}

static size_t enter_item(struct eg_read *rd, const struct eg_prefix_item *item)
{
	return eg_read_enter(rd, "peers.%s.subnets[%zu]",
			     eg_conf_peer_name(rd->config, item->owner), item->sub);
}

/* Reported at the later of the two. */
static void report(struct eg_read *rd, const struct eg_prefix_item *a,
		   const struct eg_prefix_item *b)
{
	const struct eg_prefix_item *later = a->owner < b->owner ? b : a;
	const struct eg_prefix_item *earlier = later == a ? b : a;
	bool equal = eg_prefix_equal(&a->prefix, &b->prefix);
	size_t mark = enter_item(rd, later);
	char text[EG_PREFIX_TEXT];

	if (later->owner == earlier->owner)
		eg_read_error(rd, &later->node->pos, "%s is given twice (first on line %u)",
			      later->node->text, earlier->node->pos.line);
	else
		eg_read_error(rd, &later->node->pos, "%s overlaps %s of peers.%s (line %u)%s",
			      later->node->text, eg_prefix_print(&earlier->prefix, text),
			      eg_conf_peer_name(rd->config, earlier->owner),
			      earlier->node->pos.line,
			      equal ? ": to share it, give each of them a priority" : "");
	eg_read_leave(rd, mark);
}

static bool shares(const struct eg_read *rd, const struct eg_prefix_item *item)
{
	return rd->config->peers.v[item->owner].shares;
}

static void check_sharing(struct eg_read *rd, struct group group)
{
	for (size_t i = 1; i < group.n; i++) {
		const struct eg_prefix_item *item = &group.first[i];

		if (item[-1].owner == item->owner)
			report(rd, item, item - 1);
		else if (!shares(rd, item) || !shares(rd, group.first))
			report(rd, item, shares(rd, item) ? group.first : item - 1);
	}
	if (group.n > EG_CONF_SHARE_MAX) {
		size_t mark = enter_item(rd, &group.first[EG_CONF_SHARE_MAX]);

		eg_read_error(rd, &group.first[EG_CONF_SHARE_MAX].node->pos,
			      "more than %d peers have %s", EG_CONF_SHARE_MAX,
			      group.first->node->text);
		eg_read_leave(rd, mark);
	}
}

static bool same_owners(struct group a, struct group b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.first[i].owner != b.first[i].owner)
			return false;
	}
	return true;
}

static void check_nested(struct eg_read *rd, struct group group, struct group covering)
{
	if (!covering.n || group.n > EG_CONF_SHARE_MAX || same_owners(group, covering))
		return;
	for (size_t i = 0; i < group.n; i++) {
		size_t other = 0;

		while (other < covering.n && covering.first[other].owner == group.first[i].owner)
			other++;
		if (other < covering.n)
			report(rd, &group.first[i], &covering.first[other]);
	}
}

/* Does another peer take over its flows if it is down? The one with the last priority has no
 * backup. */
static bool has_backup(const struct eg_read *rd, struct group group,
		       const struct eg_prefix_item *item)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;

	for (size_t i = 0; i < group.n; i++) {
		if (&group.first[i] != item &&
		    peers[group.first[i].owner].priority >= peers[item->owner].priority)
			return true;
	}
	return false;
}

/* Warnings to give once per peer, however many subnets it shares. */
enum {
	WARNED_NO_LIVENESS = 1,
	WARNED_SAME_TARGET = 2,
};

/* A reply must arrive through the tunnel that was probed, but one host replies through one gateway
 * only. */
static void warn_same_target(struct eg_read *rd, struct group group, size_t i, uint8_t *warned)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;
	size_t owner = group.first[i].owner;
	size_t mark;

	for (size_t k = 0; k < i && peers[owner].liveness.target.family; k++) {
		const struct eg_conf_peer *other = &peers[group.first[k].owner];

		if (!eg_ip_equal(&other->liveness.target, &peers[owner].liveness.target) ||
		    warned[owner] & WARNED_SAME_TARGET)
			continue;
		warned[owner] |= WARNED_SAME_TARGET;
		mark = eg_read_enter(rd, "peers.%s.alive", eg_conf_peer_name(rd->config, owner));
		eg_read_warning(rd, &peers[owner].pos,
				"peers.%s has the same target, which replies to both through only "
				"one of them: use an address of each gateway",
				eg_conf_peer_name(rd->config, group.first[k].owner));
		eg_read_leave(rd, mark);
	}
}

/* Legal, but possibly unintended. */
static void warn_group(struct eg_read *rd, struct group group, uint8_t *warned)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;
	size_t mark;

	if (group.n == 1 && shares(rd, group.first)) {
		mark = enter_item(rd, group.first);
		eg_read_warning(rd, &group.first->node->pos,
				"no other peer has %s: priority has no effect on it",
				group.first->node->text);
		eg_read_leave(rd, mark);
	}
	for (size_t i = 0; i < group.n; i++) {
		size_t owner = group.first[i].owner;

		warn_same_target(rd, group, i, warned);
		if (warned[owner] & WARNED_NO_LIVENESS || peers[owner].liveness.target.family ||
		    !has_backup(rd, group, &group.first[i]))
			continue;
		warned[owner] |= WARNED_NO_LIVENESS;
		mark = eg_read_enter(rd, "peers.%s", eg_conf_peer_name(rd->config, owner));
		eg_read_warning(rd, &peers[owner].pos,
				"without alive its failure is never detected, and the peers that "
				"share its subnets are never used");
		eg_read_leave(rd, mark);
	}
}

void eg_conf_check_subnets(struct eg_read *rd, const struct eg_conf_lookup *lookup)
{
	const struct eg_prefix_index *subnets = &lookup->subnets;
	uint8_t *warned = calloc(rd->config->peers.n + 1, sizeof(*warned));
	struct group group;

	if (!warned) {
		eg_read_no_memory(rd);
		return;
	}
	for (size_t at = 0; at < subnets->items.n; at += group.n) {
		size_t before = rd->errs->n_errors;

		group = group_at(subnets, &subnets->items.v[at]);
		check_sharing(rd, group);
		check_nested(rd, group, covering_group(subnets, group.first));
		if (rd->errs->n_errors == before)
			warn_group(rd, group, warned);
	}
	free(warned);
}
