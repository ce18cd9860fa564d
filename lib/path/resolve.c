/* The keeper's turn: packets that wait, messages that came, time that passed. Beside it what other
 * workers do to bring it both. */
#include "path/resolve.h"

#include <rte_cycles.h>

#include "net/bytes.h"
#include "path/drop.h"
#include "path/stages.h"

#define TICK_MS      10
#define TICK_ENTRIES (EG_NEIGH_MAX / 16) /* a whole pass in 160 ms */

#define ANNOUNCE_NUM 2 /* RFC 5227 s1.1 */
#define ANNOUNCE_MS  2000
#define DEFEND_MS    10000

/* At the start of a waiting packet's buffer. */
struct waiting {
	struct eg_ip next;
	uint8_t port;
	uint8_t from;     /* port where it came in */
	bool from_tunnel; /* by ESP, that is */
	bool sealed;
	bool forwarded; /* as it is: its sender may be told of its end */
};

static struct waiting *waiting_of(const struct rte_mbuf *m)
{
	return m->buf_addr;
}

/* Does it confirm what the table has, or answer what it asks? Whoever says otherwise of a neighbour
 * that we know is one of many: their flood must not drown the neighbour's own word. */
static bool is_welcome(const struct eg_path *path, unsigned port,
		       const struct eg_neigh_message *message)
{
	uint64_t mac, told = 0;
	struct eg_neigh_key key;

	if (!message->sender.family)
		return false;
	key = eg_neigh_key_make(port, message->sender.family, message->sender.bytes);
	if (!eg_neigh_known(path->resolver_shared.neighs, &key, &mac))
		return false;
	memcpy(&told, message->mac, 6);
	return mac && message->has_mac ? mac == told : message->answers;
}

enum eg_verdict eg_resolve_message(struct eg_path *path, struct rte_mbuf *m, unsigned port)
{
	struct eg_resolver_limits *limits = &path->limits;
	struct eg_neigh_message message;
	struct eg_tokens *tokens;

	if (!eg_neigh_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &message))
		return EG_DROP_BAD_DISCOVERY;
	tokens = is_welcome(path, port, &message) ? &limits->welcome : &limits->others;
	if (!eg_tokens_take(tokens, rte_get_tsc_cycles(), path->cycles_per_s / EG_MESSAGES_PPS,
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

/* A frame of our own, built in place. */
static void send_own(struct eg_path *path, unsigned port, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(path->pool);

	if (!m) /* the question comes again, and so does whoever asks us */
		return;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), frame, len);
	eg_tx_local(path, port, m);
}

/* As whom a port asks for a neighbour, and is there anybody? */
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

static void ask(struct eg_path *path, struct eg_neigh *neigh, bool all, uint64_t now_ms)
{
	uint64_t word = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	struct eg_neigh_self self;

	/* Without a token it was not asked: the next look at the entry tries again. */
	if (!eg_tokens_take(&path->resolver.questions, now_ms * 1000, 1000000 / EG_REQUESTS_PPS,
			    EG_REQUESTS_BURST))
		return;
	eg_neigh_requested(neigh, now_ms);
	if (!make_self(path, neigh->port, &neigh->ip, &self))
		return;
	send_own(path, neigh->port, frame,
		 eg_neigh_request(frame, &self, &neigh->ip, all ? NULL : (const uint8_t *)&word));
}

static void send_held(struct eg_path *path, struct eg_neigh *neigh)
{
	uint64_t word = atomic_load_explicit(&neigh->mac, memory_order_relaxed);
	void *held[EG_NEIGH_HELD_MAX];
	unsigned n = eg_neigh_release(path->resolver_shared.neighs, neigh, held);

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = held[i];

		/* While it was waiting, a reload may have named its network. */
		if (!waiting_of(m)->sealed && eg_tx_must_encrypt(path, m))
			eg_drop_mbuf(path, m, EG_DROP_MUST_ENCRYPT);
		else
			eg_tx_packet(path, neigh->port, m, (const uint8_t *)&word);
	}
}

/* tell: their senders. */
static void drop_held(struct eg_path *path, struct eg_neigh *neigh, enum eg_verdict reason,
		      bool tell)
{
	void *held[EG_NEIGH_HELD_MAX];
	unsigned n = eg_neigh_release(path->resolver_shared.neighs, neigh, held);

	for (unsigned i = 0; i < n; i++) {
		const struct waiting *w = waiting_of(held[i]);

		if (tell && w->forwarded)
			eg_icmp_no_neighbor(path, w->from, w->from_tunnel, held[i]);
		eg_drop_about(path, held[i], reason,
			      &(struct eg_drop_neighbor){neigh->port, &neigh->ip, NULL, false});
	}
}

static void act(struct eg_path *path, struct eg_neigh *neigh, enum eg_neigh_do what,
		uint64_t now_ms)
{
	switch (what) {
	case EG_NEIGH_NOTHING:
		break;
	case EG_NEIGH_REQUEST_ALL:
	case EG_NEIGH_REQUEST_STATION:
		ask(path, neigh, what == EG_NEIGH_REQUEST_ALL, now_ms);
		break;
	case EG_NEIGH_SEND_HELD:
		send_held(path, neigh);
		break;
	case EG_NEIGH_GIVE_UP:
		drop_held(path, neigh, EG_DROP_NEIGHBOR_FAILED, true);
		eg_neigh_remove(path->resolver_shared.neighs, neigh);
		break;
	}
}

/* One packet that waits: its neighbour may have answered while it was in the ring. */
static enum eg_verdict wait(struct eg_path *path, struct rte_mbuf *m, uint64_t now_ms)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	const struct waiting *w = waiting_of(m);
	struct eg_neigh_key key = eg_neigh_key_make(w->port, w->next.family, w->next.bytes);
	struct eg_neigh *neigh = eg_neigh_find(neighs, &key);

	if (!neigh) {
		neigh = eg_neigh_add(neighs, &key);
		if (!neigh)
			return EG_DROP_NEIGHBOR_TABLE_FULL;
		ask(path, neigh, true, now_ms);
	}
	if (!eg_neigh_hold(neighs, neigh, m))
		return EG_DROP_NEIGHBOR_PENDING_FULL;
	if (neigh->state != EG_NEIGH_INCOMPLETE)
		send_held(path, neigh);
	return EG_PASS;
}

/* Somebody else says that an address of ours is his (RFC 5227 s2.4 b): tell the operator, and say
 * once in ten seconds that it is ours. */
static enum eg_verdict defend(struct eg_path *path, struct rte_mbuf *m, unsigned port,
			      const struct eg_neigh_message *message, uint64_t now_ms)
{
	uint64_t *last = &path->resolver.defended_ms[port];
	struct eg_neigh_self self = {.ip = message->sender};
	uint8_t frame[EG_NEIGH_FRAME_MAX];
	bool speak = !*last || now_ms - *last >= DEFEND_MS;

	if (speak) {
		*last = now_ms;
		memcpy(self.mac, path->port[port].mac, 6);
		send_own(path, port, frame, eg_neigh_announce(frame, &self));
	}
	eg_drop_about(path, m, EG_DROP_DUPLICATE_ADDRESS,
		      &(struct eg_drop_neighbor){port, &message->sender,
						 message->has_mac ? message->mac : message->from,
						 speak});
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
	send_own(path, port, frame, eg_neigh_answer(frame, &self, message));
}

/* One message; true where the mbuf was dropped by name, else it has served. */
static bool hear(struct eg_path *path, struct rte_mbuf *m, uint64_t now_ms)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned port = m->port;
	struct eg_neigh_message message;
	struct eg_neigh *neigh;
	struct eg_neigh_key key;
	bool to_us = !memcmp(frame, path->port[port].mac, 6), refused = false;

	/* It was parsed by the worker that brought it: the bytes are the same. */
	if (!eg_neigh_parse(frame, m->data_len, &message) ||
	    !memcmp(message.from, path->port[port].mac, 6))
		return false; /* our own words came back */
	if (message.asks && is_ours(path, port, &message.target))
		answer(path, port, &message);
	if (is_ours(path, port, &message.sender))
		return defend(path, m, port, &message, now_ms);
	if (!message.sender.family)
		return false;
	key = eg_neigh_key_make(port, message.sender.family, message.sender.bytes);
	neigh = eg_neigh_find(path->resolver_shared.neighs, &key);
	if (!neigh)
		return false;
	act(path, neigh,
	    eg_neigh_update(path->resolver_shared.neighs, neigh, &message, message.answers && to_us,
			    now_ms, &refused),
	    now_ms);
	if (refused)
		eg_drop_about(
			path, m, EG_DROP_NEIGHBOR_CLAIM,
			&(struct eg_drop_neighbor){port, &message.sender, message.mac, false});
	return refused;
}

static void begin_announcing(struct eg_resolver *resolver, uint32_t ports, uint64_t now_ms)
{
	resolver->announce_ports =
		resolver->announce_left ? resolver->announce_ports | ports : ports;
	resolver->announce_left = ANNOUNCE_NUM;
	resolver->announce_ms = now_ms;
}

/* A world may have new addresses: announce those of ports whose addresses are not the ones that
 * were announced last. */
static void note_addresses(struct eg_path *path, uint64_t now_ms)
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
		begin_announcing(resolver, ports, now_ms);
}

/* Announce our addresses when they come into force and when a link comes up (RFC 5227 s2.3,
 * RFC 4861 s7.2.6). */
static void announce(struct eg_path *path, uint64_t now_ms)
{
	struct eg_resolver *resolver = &path->resolver;
	const struct eg_locals *locals = &path->world->locals;

	note_addresses(path, now_ms);
	if (!resolver->announce_left || now_ms < resolver->announce_ms)
		return;
	resolver->announce_left--;
	resolver->announce_ms = now_ms + ANNOUNCE_MS;
	for (size_t i = 0; i < locals->n; i++) {
		struct eg_neigh_self self = {.ip = locals->v[i].address.ip};
		uint8_t frame[EG_NEIGH_FRAME_MAX];

		if (!(resolver->announce_ports >> locals->v[i].port & 1) ||
		    eg_link_is_down(path, locals->v[i].port))
			continue;
		memcpy(self.mac, path->port[locals->v[i].port].mac, 6);
		send_own(path, locals->v[i].port, frame, eg_neigh_announce(frame, &self));
	}
}

/* Behind a link that went, anybody may be when it comes back: its neighbours are forgotten, and
 * asked for again when packets go there. When it is back, neighbours hear who we are. */
static void follow_links(struct eg_path *path, uint64_t now_ms)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;
	uint32_t changed = path->resolver.down ^ path->down;

	if (!changed)
		return;
	path->resolver.down = path->down;
	if (changed & ~path->down)
		begin_announcing(&path->resolver, changed & ~path->down, now_ms);
	for (unsigned i = 0; i < EG_NEIGH_MAX; i++) {
		struct eg_neigh *neigh = &neighs->entry[i];

		if (neigh->state == EG_NEIGH_FREE || !(changed >> neigh->port & 1))
			continue;
		drop_held(path, neigh, EG_DROP_LINK_DOWN, false);
		eg_neigh_remove(neighs, neigh);
	}
}

static void tick(struct eg_path *path, uint64_t now_ms)
{
	struct eg_neighs *neighs = path->resolver_shared.neighs;

	follow_links(path, now_ms);
	announce(path, now_ms);
	for (unsigned i = 0; i < TICK_ENTRIES; i++) {
		struct eg_neigh *neigh = &neighs->entry[path->resolver.at++ % EG_NEIGH_MAX];

		if (neigh->state != EG_NEIGH_FREE)
			act(path, neigh, eg_neigh_step(neighs, neigh, now_ms), now_ms);
	}
}

/* What still waits when the daemon ends. */
static void drop_all_held(struct eg_path *path)
{
	for (unsigned i = 0; path->resolver_shared.neighs->n_held && i < EG_NEIGH_MAX; i++)
		drop_held(path, &path->resolver_shared.neighs->entry[i], EG_DROP_NEIGHBOR_FAILED,
			  false);
}

static unsigned take_packets(struct eg_path *path, uint64_t now_ms, bool ending)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(path->resolver_shared.packets, (void **)m,
					       EG_BATCH_MAX, NULL);

	for (unsigned i = 0; i < n; i++) {
		enum eg_verdict verdict = ending         ? EG_DROP_NEIGHBOR_FAILED
					  : !path->world ? EG_DROP_NO_SNAPSHOT
							 : wait(path, m[i], now_ms);

		if (verdict)
			eg_drop_mbuf(path, m[i], verdict);
	}
	return n;
}

static unsigned take_messages(struct eg_path *path, uint64_t now_ms)
{
	struct rte_mbuf *m[EG_BATCH_MAX];
	unsigned n = rte_ring_sc_dequeue_burst(path->resolver_shared.messages, (void **)m,
					       EG_BATCH_MAX, NULL);

	for (unsigned i = 0; i < n; i++) {
		if (!path->world || !hear(path, m[i], now_ms))
			eg_consume(path, m[i]);
	}
	return n;
}

unsigned eg_resolver_poll(struct eg_path *path, uint64_t now_ms, bool ending)
{
	unsigned n;

	eg_path_read_links(path);
	n = take_packets(path, now_ms, ending);
	n += take_messages(path, now_ms);
	if (ending) {
		drop_all_held(path);
	} else if (path->world && now_ms >= path->resolver.next_ms) {
		path->resolver.next_ms = now_ms + TICK_MS;
		tick(path, now_ms);
	}
	eg_tx_flush(path);
	return n;
}
