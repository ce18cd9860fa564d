#include "world.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "require.h"

static bool chance(const struct world *world, unsigned percent)
{
	return rng_below(world->rng, 100) < percent;
}

static unsigned pick(const struct world *world, unsigned n)
{
	return (unsigned)rng_below(world->rng, n);
}

/* Mostly what most use, but each of them. */
static const struct eg_suite *pick_suite(const struct world *world)
{
	static const char *const usual[] = {"aes128gcm16", "aes256gcm16", "aes128-sha256",
					    "chacha20poly1305"};

	return chance(world, 80) ? eg_suite_find(usual[pick(world, 4)])
				 : &eg_suites[pick(world, EG_SUITE_COUNT)];
}

static void make_encap(const struct world *world, struct peer *peer)
{
	peer->encap = chance(world, 45);
	peer->floats = peer->encap && !peer->transport && chance(world, 40);
	peer->source_ports = peer->encap && !peer->floats && chance(world, 50) ? 16 : 1;
	peer->accept_plain = peer->encap && chance(world, 40);
	peer->peer_port = chance(world, 70) ? 4500 : 14500;
}

static void make_peer(const struct world *world, unsigned i, struct peer *peer)
{
	static const char *const dfs[] = {"copy", "set", "clear"};
	static const char *const fragments[] = {"before", "after", "drop"};

	*peer = (struct peer){.present = chance(world, 90),
			      .transport = i == PEERS - 1 && chance(world, 60),
			      .port = chance(world, 70) ? UP : UP2,
			      .outer6 = chance(world, 35),
			      .routed = chance(world, 30),
			      .df = dfs[pick(world, 3)],
			      .fragment = fragments[pick(world, 3)],
			      .mss_clamp = chance(world, 80),
			      .learns_mtu = chance(world, 85),
			      .priority = 1 + pick(world, 2),
			      .weight = 1 + pick(world, 3),
			      .suite = pick_suite(world),
			      .esn = chance(world, 50),
			      .window = 64u << pick(world, 5),
			      .out = chance(world, 90) ? 1 + pick(world, 2) : 0,
			      .in = chance(world, 95) ? 1 + pick(world, 2) : 0,
			      .rekeyings = pick(world, 200)};
	make_encap(world, peer);
	if (peer->transport && !strcmp(peer->fragment, "before"))
		peer->fragment = "after";
	if (!strcmp(peer->fragment, "after") && !strcmp(peer->df, "set"))
		peer->df = "copy";
}

/* Neighbouring peers may be a group: with the same subnets, and mostly probed. */
static void make_groups(struct world *world)
{
	for (unsigned i = 0; i + 1 < PEERS - 1; i += 2) {
		if (!chance(world, 50))
			continue;
		for (unsigned k = i; k < i + 2; k++) {
			world->peer[k].grouped = true;
			world->peer[k].probed = chance(world, 80);
		}
	}
}

static void make_policy(struct world *world)
{
	/* Two workers may see a connection's state up to a second late (path/cache.h), so they
	 * track none. */
	world->has_policy = world->workers == 1 && chance(world, 85);
	world->audit = chance(world, 15);
	world->reject = chance(world, 30);
	world->keep = chance(world, 25);
	world->deny_unknown = chance(world, 40);
	world->policies = pick(world, 8);
	world->policy_seed = rng_next(world->rng);
	world->label_seed = rng_next(world->rng);
	world->kind = world->workers > 1   ? "two workers"
		      : !world->has_policy ? "no policy"
		      : world->audit       ? "audit"
					   : "policy";
}

void world_make(struct world *world, struct rng *rng, const char *folder)
{
	*world = (struct world){.rng = rng, .workers = 1 + (rng_below(rng, 4) == 0)};
	snprintf(world->folder, sizeof(world->folder), "%s", folder);
	for (unsigned port = 0; port < PORTS; port++)
		world->mtu[port] = chance(world, 70) ? 1500 : 1280 + pick(world, 500);
	world->vlans = chance(world, 20);
	world->partial = chance(world, 20);
	make_policy(world);
	world->source_check = chance(world, 60);
	world->encrypts = chance(world, 30);
	world->has_lan_route = chance(world, 90);
	world->static_mac = chance(world, 60) ? 1 + pick(world, 200) : 0;
	world->max_connections = 65536; /* so none is evicted: see path/cache.h */
	world->per_source = world->max_connections / (chance(world, 80) ? 4 : 64);
	for (unsigned port = 0; port < PORTS; port++) /* the device's is the most */
		world->mtu[port] = world->mtu[world_device(world, port)];
	for (unsigned i = 0; i < PEERS; i++)
		make_peer(world, i, &world->peer[i]);
	make_groups(world);
}

/* Everything but what makes it another tunnel; now and then even that. */
static const char *change_peer(struct world *world, unsigned i)
{
	struct peer *peer = &world->peer[i], was = *peer;

	if (chance(world, 20)) {
		peer->present = !peer->present;
		return "a peer comes or goes";
	}
	make_peer(world, i, peer);
	peer->present = was.present;
	peer->grouped = was.grouped;
	peer->probed = was.probed;
	peer->transport = was.transport;
	if (peer->transport)
		peer->floats = false;
	if (peer->transport && !strcmp(peer->fragment, "before"))
		peer->fragment = "drop";
	peer->rekeyings = was.rekeyings + chance(world, 30);
	if (peer->suite != was.suite || peer->esn != was.esn || peer->window != was.window ||
	    peer->outer6 != was.outer6 || peer->port != was.port || peer->routed != was.routed)
		peer->rekeyings++;
	return "a peer is another";
}

const char *world_change(struct world *world)
{
	unsigned i = pick(world, PEERS);

	switch (pick(world, 10)) {
	case 0:
		world->policy_seed = rng_next(world->rng);
		return "other policies";
	case 1:
		world->policies = pick(world, 8);
		world->policy_seed = rng_next(world->rng);
		return "more or fewer policies";
	case 2:
		world->label_seed = rng_next(world->rng);
		return "other labels";
	case 3:
		world->reject = chance(world, 30);
		world->keep = chance(world, 25);
		world->audit = chance(world, 15);
		world->has_policy = world->workers == 1 && chance(world, 85);
		return "another policy mode";
	case 4:
		world->static_mac = chance(world, 70) ? 1 + pick(world, 200) : 0;
		return "other static neighbours";
	case 5:
		world->has_lan_route = !world->has_lan_route;
		return "a route comes or goes";
	case 6:
		world->encrypts = !world->encrypts;
		return "another encrypt list";
	case 7:
		world->peer[i].rekeyings++;
		return "a peer is rekeyed";
	case 8:
		return "nothing changes";
	default:
		return change_peer(world, i);
	}
}

unsigned world_device(const struct world *world, unsigned port)
{
	if (!world->vlans)
		return port;
	return port < UP ? PODS : UP;
}

unsigned world_vlan(const struct world *world, unsigned port)
{
	return world_device(world, port) == port ? 0 : 100 + port;
}

uint32_t world_spi(const struct world *world, unsigned peer, bool out, unsigned nth)
{
	return 0x10000 + (world->peer[peer].rekeyings % 4096) * 256 + peer * 8 + out * 4 + nth;
}

void world_material(uint32_t spi, uint8_t *material)
{
	struct rng rng = {spi * 0x9e3779b97f4a7c15ull};

	rng_fill(&rng, material, EG_SUITE_KEY_MAX);
}

unsigned world_location(const struct world *world, unsigned peer)
{
	return 3 + (world->peer[peer].grouped ? peer & ~1u : peer);
}

void world_address(unsigned location, unsigned host, unsigned version, uint8_t *address)
{
	static const uint8_t second[3] = {1, 9, 8}; /* 10.1/24, 10.9/24, 10.8/24 */
	uint8_t net = location < 3 ? second[location] : (uint8_t)(97 + location);

	memset(address, 0, version == 4 ? 4 : 16);
	if (version == 4) {
		address[0] = 10;
		address[1] = net;
		address[3] = (uint8_t)(10 + host);
		return;
	}
	address[0] = 0xfd;
	address[2] = (uint8_t)(net >= 100 ? net / 100 : 0);
	address[3] = (uint8_t)(net % 100 / 10 * 16 + net % 10);
	address[15] = (uint8_t)(0x10 + host);
}

void world_ends(const struct world *world, unsigned i, uint8_t *local, uint8_t *remote)
{
	const struct peer *peer = &world->peer[i];
	bool second = peer->port == UP2;
	char text[2][64];
	int family = peer->outer6 ? AF_INET6 : AF_INET;

	if (peer->outer6) {
		snprintf(text[0], 64, peer->transport ? "fd00:9::%x" : "2001:db8:%x::1",
			 peer->transport ? 100 + i : (unsigned)second);
		snprintf(text[1], 64, "2001:db8:%x::%x", peer->routed ? 0x99 + second : second,
			 0x20 + i);
	} else {
		if (peer->transport)
			snprintf(text[0], 64, "10.9.0.%u", 100 + i);
		else
			strcpy(text[0], second ? "198.51.100.1" : "192.0.2.1");
		snprintf(text[1], 64, "%s.%u",
			 peer->routed ? second ? "203.0.114" : "203.0.113"
			 : second     ? "198.51.100"
				      : "192.0.2",
			 32 + i);
	}
	require(inet_pton(family, text[0], local) == 1 && inet_pton(family, text[1], remote) == 1,
		"an outer address");
}
