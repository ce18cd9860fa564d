/* Which peers have which subnets. One has it alone, or several that each say by their priority that
 * they share: then all of them have the very same prefix. Prefixes inside one another belong to the
 * same peers: a packet is routed by the longest, and an inner source that is inside a peer's own
 * prefix must not be another's by a longer one (RFC 4301 s5.2). */
#include "conf/sections.h"

#include <stdlib.h>

/* Equal prefixes, in the order of their peers. */
struct run {
	const struct eg_cover_item *first;
	size_t n;
};

static struct run run_at(const struct eg_cover *subnets, const struct eg_cover_item *first)
{
	const struct eg_cover_item *end = subnets->items.v + subnets->items.n;
	struct run run = {first, 1};

	while (first + run.n < end && eg_prefix_equal(&first[run.n].prefix, &first->prefix))
		run.n++;
	return run;
}

/* The prefix around it, which is the last of its equals; n: 0: there is none. No more of it is
 * looked at than may share. */
static struct run run_around(const struct eg_cover *subnets, const struct eg_cover_item *item)
{
	const struct eg_cover_item *items = subnets->items.v;
	struct run run = {0};

	if (item->parent == EG_COVER_NONE)
		return run;
	run = (struct run){&items[item->parent], 1};
	while (run.first > items && run.n < EG_CONF_SHARE_MAX &&
	       eg_prefix_equal(&run.first[-1].prefix, &run.first->prefix)) {
		run.first--;
		run.n++;
	}
	return run;
}

static size_t enter_item(struct eg_read *rd, const struct eg_cover_item *item)
{
	return eg_read_enter(rd, "peers.%s.subnets[%zu]",
			     eg_conf_peer_name(rd->config, item->owner), item->sub);
}

/* Told at the later one of two. */
static void report(struct eg_read *rd, const struct eg_cover_item *a, const struct eg_cover_item *b)
{
	const struct eg_cover_item *late = a->owner < b->owner ? b : a;
	const struct eg_cover_item *early = late == a ? b : a;
	bool equal = eg_prefix_equal(&a->prefix, &b->prefix);
	size_t mark = enter_item(rd, late);
	char text[EG_PREFIX_TEXT];

	if (late->owner == early->owner)
		eg_read_error(rd, &late->node->pos, "%s is given twice (first on line %u)",
			      late->node->text, early->node->pos.line);
	else
		eg_read_error(rd, &late->node->pos, "%s overlaps %s of peers.%s (line %u)%s",
			      late->node->text, eg_prefix_print(&early->prefix, text),
			      eg_conf_peer_name(rd->config, early->owner), early->node->pos.line,
			      equal ? ": to share it, give each of them a priority" : "");
	eg_read_leave(rd, mark);
}

static bool shares(const struct eg_read *rd, const struct eg_cover_item *item)
{
	return rd->config->peers.v[item->owner].shares;
}

static void check_equals(struct eg_read *rd, struct run run)
{
	for (size_t i = 1; i < run.n; i++) {
		const struct eg_cover_item *item = &run.first[i];

		if (item[-1].owner == item->owner)
			report(rd, item, item - 1);
		else if (!shares(rd, item) || !shares(rd, run.first))
			report(rd, item, shares(rd, item) ? run.first : item - 1);
	}
	if (run.n > EG_CONF_SHARE_MAX) {
		size_t mark = enter_item(rd, &run.first[EG_CONF_SHARE_MAX]);

		eg_read_error(rd, &run.first[EG_CONF_SHARE_MAX].node->pos,
			      "more than %d peers have %s", EG_CONF_SHARE_MAX,
			      run.first->node->text);
		eg_read_leave(rd, mark);
	}
}

static bool same_owners(struct run a, struct run b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.first[i].owner != b.first[i].owner)
			return false;
	}
	return true;
}

static void check_nested(struct eg_read *rd, struct run run, struct run around)
{
	if (!around.n || run.n > EG_CONF_SHARE_MAX || same_owners(run, around))
		return;
	for (size_t i = 0; i < run.n; i++) {
		size_t rival = 0;

		while (rival < around.n && around.first[rival].owner == run.first[i].owner)
			rival++;
		if (rival < around.n)
			report(rd, &run.first[i], &around.first[rival]);
	}
}

/* Somebody takes its flows when it is dead: nobody does of the only one that is left. */
static bool has_heir(const struct eg_read *rd, struct run run, const struct eg_cover_item *item)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;

	for (size_t i = 0; i < run.n; i++) {
		if (&run.first[i] != item &&
		    peers[run.first[i].owner].priority >= peers[item->owner].priority)
			return true;
	}
	return false;
}

/* What is to be said of a peer once, however many subnets it shares. */
enum {
	TOLD_NOT_ASKED = 1,
	TOLD_SAME_TARGET = 2,
};

/* An answer must come back by the tunnel that was asked, and one station answers by one gateway. */
static void remark_target(struct eg_read *rd, struct run run, size_t i, uint8_t *told)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;
	size_t owner = run.first[i].owner;
	size_t mark;

	for (size_t k = 0; k < i && peers[owner].liveness.target.family; k++) {
		const struct eg_conf_peer *other = &peers[run.first[k].owner];

		if (!eg_ip_equal(&other->liveness.target, &peers[owner].liveness.target) ||
		    told[owner] & TOLD_SAME_TARGET)
			continue;
		told[owner] |= TOLD_SAME_TARGET;
		mark = eg_read_enter(rd, "peers.%s.alive", eg_conf_peer_name(rd->config, owner));
		eg_read_warning(rd, &peers[owner].pos,
				"peers.%s has the same target, which answers both by one of them: "
				"ask each gateway itself",
				eg_conf_peer_name(rd->config, run.first[k].owner));
		eg_read_leave(rd, mark);
	}
}

/* Legal, but perhaps not meant. */
static void remark(struct eg_read *rd, struct run run, uint8_t *told)
{
	const struct eg_conf_peer *peers = rd->config->peers.v;
	size_t mark;

	if (run.n == 1 && shares(rd, run.first)) {
		mark = enter_item(rd, run.first);
		eg_read_warning(rd, &run.first->node->pos,
				"no other peer has %s: priority says nothing of it",
				run.first->node->text);
		eg_read_leave(rd, mark);
	}
	for (size_t i = 0; i < run.n; i++) {
		size_t owner = run.first[i].owner;

		remark_target(rd, run, i, told);
		if (told[owner] & TOLD_NOT_ASKED || peers[owner].liveness.target.family ||
		    !has_heir(rd, run, &run.first[i]))
			continue;
		told[owner] |= TOLD_NOT_ASKED;
		mark = eg_read_enter(rd, "peers.%s", eg_conf_peer_name(rd->config, owner));
		eg_read_warning(rd, &peers[owner].pos,
				"without alive it is never found dead, and nothing goes by the "
				"peers that share its subnets");
		eg_read_leave(rd, mark);
	}
}

void eg_conf_check_shares(struct eg_read *rd, const struct eg_conf_maps *maps)
{
	const struct eg_cover *subnets = &maps->subnets;
	uint8_t *told = calloc(rd->config->peers.n + 1, sizeof(*told));
	struct run run;

	if (!told) {
		eg_read_no_memory(rd);
		return;
	}
	for (size_t at = 0; at < subnets->items.n; at += run.n) {
		size_t before = rd->errs->n_errors;

		run = run_at(subnets, &subnets->items.v[at]);
		check_equals(rd, run);
		check_nested(rd, run, run_around(subnets, run.first));
		if (rd->errs->n_errors == before)
			remark(rd, run, told);
	}
	free(told);
}
