/* A poll has many small steps: one packet that waits, one message, one address to announce, one
 * entry of the table whose time may have come. Each adds a bounded number of frames to the batch,
 * and starts only if they fit, so that the batch never overflows. */
#include "path/resolve.h"

#include "net/bytes.h"
#include "path/drop.h"
#include "path/icmp.h"
#include "path/link.h"
#include "path/path.h"

#define TICK_MS      10
#define TICK_ENTRIES (EG_NEIGH_MAX / 16) /* a whole pass in 160 ms */

#define ANNOUNCE_NUM 2 /* RFC 5227 s1.1 */
#define ANNOUNCE_MS  2000
#define DEFEND_MS    10000

/* Frames of one step at most: an answer, a defence, and what waited for one neighbour. */
#define STEP_FRAMES (EG_NEIGH_HELD_MAX + 2)

_Static_assert(STEP_FRAMES <= EG_BATCH_MAX, "a step's frames fit one batch");

/* At the start of a waiting packet's buffer. */
struct waiting {
	struct eg_ip next;
	uint8_t port;
	uint8_t from; /* port where it came in */
	bool from_tunnel;
	bool sealed;
	bool forwarded; /* and in clear: its source may get an ICMP error */
};

static struct waiting *waiting_of(const struct rte_mbuf *m)
{
	return m->buf_addr;
}

/* Does it confirm the table, or answer a request of ours? Messages that contradict a known
 * neighbour may come in any number: they must not crowd out those of the neighbour itself. */
static bool is_expected(const struct eg_path *path, unsigned port,
			const struct eg_neigh_message *message)
{
	uint64_t mac, claimed = 0;
	struct eg_neigh_key key;

	if (!message->owner.family)
		return false;
	key = eg_neigh_key_make(port, message->owner.family, message->owner.bytes);
	if (!eg_neigh_peek(path->resolver_shared.neighs, &key, &mac))
		return false;
	memcpy(&claimed, message->mac, 6);
	return mac && message->has_mac ? mac == claimed : message->reply;
}

enum eg_verdict eg_resolve_message(struct eg_path *path, struct rte_mbuf *m, unsigned port)
{
	struct eg_resolver_limits *limits = &path->limits;
	struct eg_neigh_message message;
	struct eg_tokens *tokens;

	if (!eg_neigh_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &message))
		return EG_DROP_BAD_DISCOVERY;
	tokens = is_expected(path, port, &message) ? &limits->expected : &limits->others;
	if (!eg_tokens_take(tokens, path->now.cycles, path->cycles_per_s / EG_MESSAGES_PPS,
			    EG_MESSAGES_BURST))
		return EG_DROP_DISCOVERY_RATE;
	m->port = (uint16_t)port;
	return rte_ring_mp_enqueue(path->resolver_shared.messages, m) ? EG_DROP_DISCOVERY_RATE
								      : EG_CONSUMED;
}

enum eg_verdict eg_resolve_packet(struct eg_path *path, const struct eg_meta *meta,
				  struct rte_mbuf *m, unsigned port, const struct eg_ip *next)
{
	if (rte_pktmbuf_headroom(m) < sizeof(struct waiting))
		return EG_DROP_NO_ROOM;
	*waiting_of(m) = (struct waiting){
		.next = *next,
		.port = (uint8_t)port,
		.from = meta->port,
		.from_tunnel = meta->from_tunnel,
		.sealed = meta->sealed,
		.forwarded = !meta->sealed && !meta->local && !meta->kernel,
	};
	return rte_ring_mp_enqueue(path->resolver_shared.packets, m) ? EG_DROP_NEIGHBOR_PENDING_FULL
								     : EG_CONSUMED;
}

/* A locally originated frame, into the batch. */
static void add_frame(struct eg_path *path, unsigned port, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);

	if (!m) /* requests are repeated, ours and others' */
		return;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	eg_batch_add(&path->batch, m, (struct eg_meta){.port = (uint8_t)port, .local = true});
}

/* The sender of a port's request for a neighbour; false if the port has no address for one. */
static bool make_self(const struct eg_path *path, unsigned port, const struct eg_ip *target,
		      struct eg_neigh_self *self)
{
	const struct eg_local *local = eg_local_towards(&path->world->locals, port, target);
	bool link_local = target->family == 6 && target->bytes[0] == 0xfe;

	memcpy(self->mac, path->port[port].mac, 6);
	if (local && !link_local)
		self->ip = local->address.ip;
	else if (target->family == 6)
		self->ip = eg_neigh_link_local(self->mac);
	return local || target->family == 6;
}

static void request(struct eg_path *path, struct eg_neigh *neigh, bool all)
{
	uint64_t word = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
	uint64_t now_ms = path->resolver.now_ms;
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	struct eg_neigh_self self;

	/* Without a token nothing was requested: the next check of the entry tries again. */
	if (!eg_tokens_take(&path->resolver.requests, now_ms * 1000, 1000000 / EG_REQUESTS_PPS,
			    EG_REQUESTS_BURST))
		return;
	eg_neigh_requested(neigh, now_ms);
	if (!make_self(path, neigh->port, &neigh->ip, &self))
		return;
	add_frame(path, neigh->port, frame,
		  eg_neigh_request(frame, &self, &neigh->ip, all ? NULL : (const uint8_t *)&word));
}

/* The packets that waited for a neighbour, as frames into the batch. */
static void release_held(struct eg_path *path, struct eg_neigh *neigh)
{
	uint64_t word = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
	void *held[EG_NEIGH_HELD_MAX];
	unsigned n = eg_neigh_release(path->resolver_shared.neighs, neigh, held);

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = held[i];

		/* A reload may have added its network to `encrypt` meanwhile. */
		if (!waiting_of(m)->sealed && eg_link_must_encrypt(path, m))
			eg_drop_mbuf(path, m, EG_DROP_MUST_ENCRYPT);
		else if (!eg_link_put(&path->port[neigh->port], m, &word))
			eg_drop_mbuf(path, m, EG_DROP_NO_ROOM);
		else
			eg_batch_add(&path->batch, m, (struct eg_meta){.port = neigh->port});
	}
}

/* `report`: by ICMP, to their sources. */
static void drop_held(struct eg_path *path, struct eg_neigh *neigh, enum eg_verdict reason,
		      bool report)
{
	void *held[EG_NEIGH_HELD_MAX];
	unsigned n = eg_neigh_release(path->resolver_shared.neighs, neigh, held);

	for (unsigned i = 0; i < n; i++) {
		const struct waiting *w = waiting_of(held[i]);

		if (report && w->forwarded)
			eg_icmp_no_neighbor(path, w->from, w->from_tunnel, held[i]);
		eg_drop_for_neighbor(
			path, held[i], reason,
			&(struct eg_drop_neighbor){neigh->port, &neigh->ip, NULL, false});
	}
}

static void act(struct eg_path *path, struct eg_neigh *neigh, enum eg_neigh_action what)
{
	switch (what) {
	case EG_NEIGH_NOTHING:
		break;
	case EG_NEIGH_REQUEST_ALL:
	case EG_NEIGH_REQUEST_STATION:
		request(path, neigh, what == EG_NEIGH_REQUEST_ALL);
		break;
	case EG_NEIGH_SEND_HELD:
		release_held(path, neigh);
		break;
	case EG_NEIGH_GIVE_UP:
		drop_held(path, neigh, EG_DROP_NEIGHBOR_FAILED, true);
		eg_neigh_remove(path->resolver_shared.neighs, neigh);
		break;
	}
}

/* A packet waits for its neighbour, which may have answered while the packet was in the ring. */
static enum eg_verdict hold(struct eg_path *path, struct rte_mbuf *m)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	const struct waiting *w = waiting_of(m);
	struct eg_neigh_key key = eg_neigh_key_make(w->port, w->next.family, w->next.bytes);
	struct eg_neigh *neigh = eg_neigh_find(neighs, &key);

	if (!neigh) {
		neigh = eg_neigh_add(neighs, &key);
		if (!neigh)
			return EG_DROP_NEIGHBOR_TABLE_FULL;
		request(path, neigh, true);
	}
	if (!eg_neigh_hold(neighs, neigh, m))
		return EG_DROP_NEIGHBOR_PENDING_FULL;
	if (neigh->state != EG_NEIGH_INCOMPLETE)
		release_held(path, neigh);
	return EG_CONSUMED;
}

/* Another station claims an address of ours (RFC 5227 s2.4 b): log that, and at most once in ten
 * seconds announce the address. */
static enum eg_verdict defend(struct eg_path *path, struct rte_mbuf *m, unsigned port,
			      const struct eg_neigh_message *message)
{
	uint64_t *last = &path->resolver.defended_ms[port], now_ms = path->resolver.now_ms;
	struct eg_neigh_self self = {.ip = message->owner};
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	bool due = !*last || now_ms - *last >= DEFEND_MS;

	if (due) {
		*last = now_ms;
		memcpy(self.mac, path->port[port].mac, 6);
		add_frame(path, port, frame, eg_neigh_announce(frame, &self));
	}
	eg_drop_for_neighbor(
		path, m, EG_DROP_DUPLICATE_ADDRESS,
		&(struct eg_drop_neighbor){port, &message->owner,
					   message->has_mac ? message->mac : message->from, due});
	return EG_DROP_DUPLICATE_ADDRESS;
}

static bool is_ours(const struct eg_path *path, unsigned port, const struct eg_ip *ip)
{
	struct eg_ip link_local = eg_neigh_link_local(path->port[port].mac);

	return ip->family &&
	       (eg_local_find(&path->world->locals, port, ip) || eg_ip_equal(ip, &link_local));
}

static void answer(struct eg_path *path, unsigned port, const struct eg_neigh_message *message)
{
	struct eg_neigh_self self = {.ip = message->target};
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	memcpy(self.mac, path->port[port].mac, 6);
	add_frame(path, port, frame, eg_neigh_answer(frame, &self, message));
}

/* A message with a neighbour's MAC: update its entry. */
static enum eg_verdict learn(struct eg_path *path, struct rte_mbuf *m, unsigned port,
			     const struct eg_neigh_message *message)
{
	bool to_us = !memcmp(rte_pktmbuf_mtod(m, const uint8_t *), path->port[port].mac, 6);
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	struct eg_neigh_key key =
		eg_neigh_key_make(port, message->owner.family, message->owner.bytes);
	struct eg_neigh *neigh = eg_neigh_find(neighs, &key);
	bool refused = false;

	if (!neigh)
		return EG_PASS;
	act(path, neigh,
	    eg_neigh_update(neighs, neigh, message, message->reply && to_us, path->resolver.now_ms,
			    &refused));
	if (!refused)
		return EG_PASS;
	eg_drop_for_neighbor(
		path, m, EG_DROP_NEIGHBOR_CLAIM,
		&(struct eg_drop_neighbor){port, &message->owner, message->mac, false});
	return EG_DROP_NEIGHBOR_CLAIM;
}

/* EG_PASS: the message has served its purpose; else it was dropped. */
static enum eg_verdict handle_message(struct eg_path *path, struct rte_mbuf *m)
{
	unsigned port = m->port;
	struct eg_neigh_message message;

	/* The worker that received it has parsed it: the bytes are the same. */
	if (!eg_neigh_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &message) ||
	    !memcmp(message.from, path->port[port].mac, 6))
		return EG_PASS; /* a frame of ours came back */
	if (message.request && is_ours(path, port, &message.target))
		answer(path, port, &message);
	if (is_ours(path, port, &message.owner))
		return defend(path, m, port, &message);
	return message.owner.family ? learn(path, m, port, &message) : EG_PASS;
}

static void begin_announcing(struct eg_resolver *resolver, uint32_t ports)
{
	resolver->announce_ports =
		resolver->announce_left ? resolver->announce_ports | ports : ports;
	resolver->announce_left = ANNOUNCE_NUM;
	resolver->announce_ms = resolver->now_ms;
}

/* A new world may have new addresses: announce those of the ports whose addresses are not the ones
 * announced last. */
static void compare_addresses(struct eg_path *path)
{
	const struct eg_snap_world *world = path->world;
	struct eg_resolver *resolver = &path->resolver;
	uint32_t ports = 0;

	if (resolver->world_generation == world->generation)
		return;
	resolver->world_generation = world->generation;
	for (unsigned p = 0; p < world->n_ports; p++) {
		if (resolver->announced[p] == world->addresses_since[p])
			continue;
		resolver->announced[p] = world->addresses_since[p];
		ports |= 1u << p;
	}
	if (ports)
		begin_announcing(resolver, ports);
}

/* Announce the gateway's addresses when they come into force and when a link comes up (RFC 5227
 * s2.3, RFC 4861 s7.2.6). */
static void start_round(struct eg_path *path)
{
	struct eg_resolver *resolver = &path->resolver;

	compare_addresses(path);
	if (!resolver->announce_left || resolver->now_ms < resolver->announce_ms)
		return;
	resolver->announce_left--;
	resolver->announce_ms = resolver->now_ms + ANNOUNCE_MS;
	resolver->addresses_left = path->world->locals.n;
}

static void announce(struct eg_path *path, const struct eg_local *local)
{
	struct eg_neigh_self self = {.ip = local->address.ip};
	uint8_t frame[EG_NEIGH_FRAME_MAX];

	if (!(path->resolver.announce_ports >> local->port & 1) ||
	    eg_link_is_down(path, local->port))
		return;
	memcpy(self.mac, path->port[local->port].mac, 6);
	add_frame(path, local->port, frame, eg_neigh_announce(frame, &self));
}

/* When a link comes back, other stations may be behind it: the neighbours of a link that went down
 * are removed, and requested again when packets go there. On a link that came up, the gateway's
 * addresses are announced. */
static void follow_links(struct eg_path *path)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	uint32_t changed = path->resolver.down ^ path->down;

	if (!changed)
		return;
	path->resolver.down = path->down;
	if (changed & ~path->down)
		begin_announcing(&path->resolver, changed & ~path->down);
	for (unsigned i = 0; i < EG_NEIGH_MAX; i++) {
		struct eg_neigh *neigh = &neighs->entry[i];

		if (neigh->state == EG_NEIGH_FREE || !(changed >> neigh->port & 1))
			continue;
		drop_held(path, neigh, EG_DROP_LINK_DOWN, false);
		eg_neigh_remove(neighs, neigh);
	}
}

/* The daemon ends. */
static void drop_all_held(struct eg_path *path)
{
	for (unsigned i = 0; path->resolver_shared.neighs->n_held && i < EG_NEIGH_MAX; i++)
		drop_held(path, &path->resolver_shared.neighs->entry[i], EG_DROP_NEIGHBOR_FAILED,
			  false);
}

static void take_packet(struct eg_path *path, struct rte_mbuf *m)
{
	enum eg_verdict verdict = path->resolver.ending ? EG_DROP_NEIGHBOR_FAILED
				  : !path->world        ? EG_DROP_NO_SNAPSHOT
							: hold(path, m);

	if (verdict != EG_CONSUMED)
		eg_drop_mbuf(path, m, verdict);
}

static void take_message(struct eg_path *path, struct rte_mbuf *m)
{
	if (!path->world || !handle_message(path, m))
		eg_consume(path, m);
}

/* The next mbuf of a ring, if there is one and `left` allows it. */
static struct rte_mbuf *take(struct eg_resolver *resolver, struct rte_ring *ring, unsigned *left)
{
	void *m;

	if (!*left || rte_ring_sc_dequeue(ring, &m)) {
		*left = 0;
		return NULL;
	}
	--*left;
	resolver->taken++;
	return m;
}

/* One entry of the table whose time may have come. */
static void check_entry(struct eg_path *path)
{
	struct eg_resolver *resolver = &path->resolver;
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	struct eg_neigh *neigh = &neighs->entry[resolver->at++ % EG_NEIGH_MAX];

	if (neigh->state != EG_NEIGH_FREE)
		act(path, neigh, eg_neigh_tick(neighs, neigh, resolver->now_ms));
}

/* False: nothing is left to do in this poll. */
static bool step(struct eg_path *path)
{
	const struct eg_resolver_shared *shared = &path->resolver_shared;
	struct eg_resolver *resolver = &path->resolver;
	struct rte_mbuf *m;

	if ((m = take(resolver, shared->packets, &resolver->packets_left))) {
		take_packet(path, m);
	} else if ((m = take(resolver, shared->messages, &resolver->messages_left))) {
		take_message(path, m);
	} else if (resolver->ticks) {
		resolver->ticks = false;
		resolver->entries_left = TICK_ENTRIES;
		follow_links(path);
		start_round(path);
	} else if (resolver->addresses_left) {
		const struct eg_locals *locals = &path->world->locals;

		announce(path, &locals->v[locals->n - resolver->addresses_left--]);
	} else if (resolver->entries_left) {
		resolver->entries_left--;
		check_entry(path);
	} else {
		return false;
	}
	return true;
}

void eg_resolver_begin(struct eg_path *path, uint64_t now_ms, bool ending)
{
	struct eg_resolver *resolver = &path->resolver;

	resolver->now_ms = now_ms;
	resolver->ending = ending;
	resolver->taken = 0;
	resolver->packets_left = resolver->messages_left = EG_BATCH_MAX;
	resolver->ticks = !ending && path->world && now_ms >= resolver->next_ms;
	if (resolver->ticks)
		resolver->next_ms = now_ms + TICK_MS;
}

unsigned eg_resolver_fill(struct eg_path *path)
{
	path->batch.n = path->batch.n_removed = 0;
	while (path->batch.n + STEP_FRAMES <= EG_BATCH_MAX && step(path))
		;
	if (path->resolver.ending && !path->batch.n)
		drop_all_held(path);
	return path->batch.n;
}
