/* Subnets that several peers have, as the snapshot has them; and that peers' lives outlive it. */
#include "snap/snap_tests.h"

#include "base/buf.h"
#include "base/clock.h"
#include "conf/config.h"
#include "snap/snap.h"

#define ALIVE "alive: {target: 10.1.0.1, interval: 50ms, threshold: 4}"

/* Peers without SAs, each from its name, remote, subnets and what else is said of it. */
struct peer {
	const char *name, *remote, *subnets, *more;
};

static struct eg_config *config_of(const struct peer *peers, size_t n)
{
	struct eg_errs errs = {0};
	struct eg_buf text = {0};
	struct eg_config *config;

	eg_buf_add(&text, "version: 1\n"
			  "ports:\n"
			  "  c: {device: d0, role: clear, addresses: [10.9.0.1/24]}\n"
			  "  u: {device: d1, role: encrypted, addresses: [192.0.2.1/24]}\n"
			  "peers:\n");
	for (size_t i = 0; i < n; i++)
		eg_buf_add(&text, "  %s: {local: 192.0.2.1, remote: %s, subnets: [%s], %s}\n",
			   peers[i].name, peers[i].remote, peers[i].subnets, peers[i].more);
	config = eg_config_parse(text.v, text.n, "t", &errs);
	if (!config)
		eg_errs_print(&errs, stderr);
	assert_non_null(config);
	eg_errs_free(&errs);
	eg_buf_free(&text);
	return config;
}

static struct eg_snap *build(const struct peer *peers, size_t n, struct eg_sa_store *store,
			     const struct eg_snap *before)
{
	const struct eg_snap_options options = {.before = before, .now_ns = 1000 * EG_NS_PER_S};
	struct eg_config *config = config_of(peers, n);
	struct eg_errs errs = {0};
	struct eg_snap *snap = eg_snap_build(config, store, &options, &errs);

	assert_non_null(snap);
	eg_errs_free(&errs);
	eg_config_free(config);
	return snap;
}

static const struct eg_hop *route(const struct eg_snap *snap, const char *address)
{
	struct eg_ip ip;

	assert_int_equal(eg_ip_parse(address, &ip), 0);
	return &snap->world->hops[eg_lpm_lookup(snap->world->routes, &ip)];
}

/* "b d": the peers of an address's group, in their order, or the only one. */
static const char *peers_of(const struct eg_snap *snap, const char *address)
{
	const struct eg_hop *hop = route(snap, address);
	static char text[100];
	size_t n = 0;

	if (hop->kind == EG_HOP_TUNNEL)
		return snap->tunnels[hop->tunnel].name;
	assert_int_equal(hop->kind, EG_HOP_GROUP);
	for (uint32_t i = 0; i < snap->world->groups[hop->group]->n; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, n ? " %s" : "%s",
			snap->tunnels[snap->world->groups[hop->group]->member[i].tunnel].name);
	return text;
}

static void test_groups(void **state)
{
	static const struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16, \"fd00:1::/64\", 10.2.0.0/16",
		 "priority: 1, weight: 7, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16, \"fd00:1::/64\", 10.3.0.0/16", "priority: 2"},
		{"e", "192.0.2.4", "10.3.0.0/16, 10.4.0.0/16", "priority: 0"},
		{"f", "192.0.2.5", "10.5.0.0/16", "df: copy"},
	};
	struct eg_sa_store *store = eg_sa_store_new(2);
	struct eg_snap *snap = build(peers, COUNT(peers), store, NULL);
	const struct eg_group_member *member;

	(void)state;
	assert_string_equal(peers_of(snap, "10.1.0.0"), "b d");
	assert_string_equal(peers_of(snap, "10.1.255.255"), "b d");
	assert_string_equal(peers_of(snap, "fd00:1::9"), "b d");
	assert_string_equal(peers_of(snap, "10.2.0.1"), "b");
	assert_string_equal(peers_of(snap, "10.3.0.1"), "d e");
	assert_string_equal(peers_of(snap, "10.4.0.1"), "e");
	assert_string_equal(peers_of(snap, "10.5.0.1"), "f");
	/* The same peers are one group, whatever the subnet. */
	assert_int_equal(snap->world->n_groups, 2);
	assert_int_equal(route(snap, "10.1.0.1")->group, route(snap, "fd00:1::1")->group);

	member = snap->world->groups[route(snap, "10.1.0.1")->group]->member;
	assert_int_equal(member[0].priority, 1);
	assert_int_equal(member[0].weight, 7);
	assert_true(member[0].id == eg_group_id("b"));
	assert_non_null(member[0].liveness);
	assert_ptr_equal(member[0].liveness, snap->tunnels[0].liveness);
	assert_int_equal(member[1].priority, 2);
	assert_int_equal(member[1].weight, 1);
	assert_null(member[1].liveness);
	assert_int_equal(snap->n_probes, 1);
	assert_int_equal(snap->probes[0], 0);
	assert_int_equal(snap->tunnels[0].plan.interval_ns, 50 * EG_NS_PER_MS);
	assert_int_equal(snap->tunnels[0].plan.threshold, 4);
	assert_int_equal(snap->tunnels[0].source.bytes[1], 9);
	assert_int_equal(snap->tunnels[0].into.kind, EG_HOP_TUNNEL);
	eg_snap_free(snap);
	eg_sa_store_free(store);
}

/* The life of a peer is the same object while its name and addresses are; members come and go. */
static void test_reload(void **state)
{
	struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"e", "192.0.2.4", "10.1.0.0/16", "priority: 1, " ALIVE},
	};
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_snap *snap = build(peers, 2, store, NULL), *next;
	struct eg_liveness *b = snap->tunnels[0].liveness, *d = snap->tunnels[1].liveness;

	(void)state;
	atomic_store(&d->dead, true);
	next = build(peers, 3, store, snap); /* one more */
	assert_ptr_equal(next->tunnels[0].liveness, b);
	assert_ptr_equal(next->tunnels[1].liveness, d);
	assert_true(next->tunnels[2].liveness != b && next->tunnels[2].liveness != d);
	assert_string_equal(peers_of(next, "10.1.0.1"), "b d e");
	assert_ptr_equal(next->world->groups[0]->member[1].liveness, d);
	assert_int_equal(d->refs, 2);
	eg_snap_free(snap);
	assert_int_equal(d->refs, 1);
	assert_true(atomic_load(&d->dead));

	peers[1].more = "priority: 9, alive: {target: 10.1.0.3, threshold: 2}";
	snap = build(peers, 2, store, next); /* asked otherwise, but the same */
	assert_ptr_equal(snap->tunnels[1].liveness, d);
	assert_int_equal(snap->tunnels[1].plan.threshold, 2);
	eg_snap_free(next);

	peers[1].remote = "192.0.2.9"; /* another gateway under this name */
	next = build(peers, 2, store, snap);
	assert_true(next->tunnels[1].liveness != d);
	assert_false(atomic_load(&next->tunnels[1].liveness->dead));
	assert_ptr_equal(next->tunnels[0].liveness, b);
	eg_snap_free(snap);

	peers[0].more = "priority: 1"; /* asked no more: then it cannot be dead */
	snap = build(peers, 1, store, next);
	assert_null(snap->tunnels[0].liveness);
	assert_int_equal(snap->n_probes, 0);
	assert_int_equal(snap->world->n_groups, 0);
	assert_string_equal(peers_of(snap, "10.1.0.1"), "b");
	eg_snap_free(next);
	eg_snap_free(snap);
	eg_sa_store_free(store);
}

/* When an SA's time comes the next snapshot has the same groups and lives. */
static void test_step(void **state)
{
	static const struct peer peers[] = {
		{"b", "192.0.2.2", "10.1.0.0/16", "priority: 1, " ALIVE},
		{"d", "192.0.2.3", "10.1.0.0/16", "priority: 2, " ALIVE},
	};
	struct eg_sa_store *store = eg_sa_store_new(1);
	struct eg_snap *snap = build(peers, 2, store, NULL), *next;
	struct eg_liveness *b = snap->tunnels[0].liveness;
	const struct eg_group_member *first;

	(void)state;
	snap->next_step_ns = 0;
	next = eg_snap_step(snap, 1);
	assert_non_null(next);
	assert_int_equal(b->refs, 2);
	eg_snap_free(snap);
	assert_int_equal(b->refs, 1);
	assert_ptr_equal(next->tunnels[0].liveness, b);
	assert_int_equal(next->n_probes, 2);
	assert_string_equal(peers_of(next, "10.1.0.1"), "b d");
	assert_int_equal(eg_group_choose(next->world->groups[0], 7, &first)->tunnel, 0);
	atomic_store(&b->dead, true);
	assert_int_equal(eg_group_choose(next->world->groups[0], 7, &first)->tunnel, 1);
	eg_snap_free(next);
	eg_sa_store_free(store);
}

int run_share_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_step),
	};

	return cmocka_run_group_tests_name("snap shares", tests, NULL, NULL);
}
