#include "events.h"

#include "base/clock.h"
#include "net/bytes.h"
#include "require.h"

#define ETH     14
#define MS      1000000ull
#define NEW_SPI 0x40000000u

static unsigned pick(struct pair *pair, unsigned n)
{
	return (unsigned)rng_below(&pair->rng, n);
}

/* --- reloads */

/* Probes' times and identifiers are random; both gateways get the same. */
static void equalize(struct pair *pair)
{
	struct eg_tunnels *tunnels[2] = {&pair->gateway[0]->tunnels, &pair->gateway[1]->tunnels};
	uint32_t id = eg_tunnels_next(tunnels[0], 0);

	for (; id != EG_TUNNEL_NONE; id = eg_tunnels_next(tunnels[0], id + 1)) {
		const struct eg_tunnel *from = eg_tunnel_get(tunnels[0], id);
		const struct eg_tunnel *to = eg_tunnel_get(tunnels[1], id);

		require(to && !strcmp(from->name, to->name), "both have the same tunnels");
		if (from->liveness)
			to->liveness->id = from->liveness->id;
	}
}

void events_load(struct pair *pair)
{
	world_write(&pair->world);
	for (unsigned g = 0; g < 2; g++)
		require(gateway_load(pair->gateway[g], &pair->world, pair->clock),
			"the configuration is valid");
	equalize(pair);
	traffic_reload(&pair->traffic);
}

/* --- tunnels and SAs, one by one */

static uint32_t pick_tunnel(struct pair *pair)
{
	const struct eg_tunnels *tunnels = &pair->gateway[0]->tunnels;
	uint32_t id = eg_tunnels_next(tunnels, pick(pair, PEERS + 2));

	return id == EG_TUNNEL_NONE ? eg_tunnels_next(tunnels, 0) : id;
}

static struct eg_sa *nth_out(struct gateway *gateway, uint32_t id)
{
	const struct eg_tunnel_sa *held = eg_tunnel_first_sa(&gateway->tunnels, id);

	while (held && held->sa->kind != EG_SA_KIND_OUT)
		held = held->next;
	return held ? held->sa : NULL;
}

static uint32_t spi_of_new(const struct pair *pair)
{
	return NEW_SPI + pair->sa_number;
}

static struct eg_sa *new_sa(struct pair *pair, struct gateway *gateway,
			    const struct eg_tunnel *tunnel, const struct eg_suite *suite, bool esn)
{
	const struct eg_err_place place = {.path = "sa"};
	const struct eg_sa_spec spec = {
		.kind = EG_SA_KIND_OUT,
		.spi = spi_of_new(pair),
		.suite = suite,
		.esn = esn,
		.local = tunnel->local,
		.remote = tunnel->remote,
		.ephemeral = true,
		.wire = {.transport = tunnel->transport,
			 .encap = tunnel->encap,
			 .tunnel = EG_SA_ANY_TUNNEL},
	};
	uint8_t material[EG_SUITE_KEY_MAX];
	struct eg_errs errs = {0};
	struct eg_sa *sa;

	world_material(spi_of_new(pair), material);
	sa = eg_sa_acquire(gateway->sas, &spec, material, &place, &errs);
	eg_errs_print(&errs, stdout);
	return sa;
}

/* An outbound SA is replaced, by one of another suite: as a daemon of IKE does it. */
static const char *replace_sa(struct pair *pair)
{
	const struct eg_suite *suite = &eg_suites[pick(pair, EG_SUITE_COUNT)];
	bool esn = pick(pair, 2);
	uint32_t id = pick_tunnel(pair);

	if (id == EG_TUNNEL_NONE || !nth_out(pair->gateway[0], id))
		return NULL;
	pair->sa_number++;
	esp_learn(pair->esp, spi_of_new(pair), suite, esn);
	for (unsigned g = 0; g < 2; g++) {
		struct gateway *gateway = pair->gateway[g];
		struct eg_sa *sa =
			new_sa(pair, gateway, eg_tunnel_get(&gateway->tunnels, id), suite, esn);

		require(sa && !eg_tunnel_replace_sa(&gateway->tunnels, id, nth_out(gateway, id), sa,
						    NULL, pair->clock),
			"an SA is replaced");
	}
	return "an outbound SA is replaced";
}

/* It may send nothing more, until the store's next step, or for ever. */
static const char *exhaust_sa(struct pair *pair)
{
	uint32_t id = pick_tunnel(pair);
	bool bytes = pick(pair, 2);

	if (id == EG_TUNNEL_NONE || !nth_out(pair->gateway[0], id))
		return NULL;
	for (unsigned g = 0; g < 2; g++) {
		struct eg_sa *sa = nth_out(pair->gateway[g], id);

		if (bytes)
			sa->byte_limit = sa->bytes;
		else
			sa->seq_limit = sa->seq;
	}
	return "an SA is at its limit";
}

static const char *remove_sa(struct pair *pair)
{
	uint32_t id = pick_tunnel(pair);

	if (id == EG_TUNNEL_NONE || !nth_out(pair->gateway[0], id))
		return NULL;
	for (unsigned g = 0; g < 2; g++)
		require(!eg_tunnel_remove_sa(&pair->gateway[g]->tunnels, id,
					     nth_out(pair->gateway[g], id)),
			"an SA is removed");
	return "an outbound SA is removed";
}

static const char *flip_liveness(struct pair *pair)
{
	uint32_t id = pick_tunnel(pair);

	for (unsigned i = 0; i < 8 && id != EG_TUNNEL_NONE &&
			     !eg_tunnel_get(&pair->gateway[0]->tunnels, id)->liveness;
	     i++)
		id = pick_tunnel(pair);
	if (id == EG_TUNNEL_NONE || !eg_tunnel_get(&pair->gateway[0]->tunnels, id)->liveness)
		return NULL;
	for (unsigned g = 0; g < 2; g++) {
		struct eg_tunnels *tunnels = &pair->gateway[g]->tunnels;
		const struct eg_tunnel *tunnel = eg_tunnel_get(tunnels, id);

		if (eg_liveness_is_up(tunnel->liveness))
			eg_liveness_link_down(tunnel->liveness, pair->clock);
		else
			tunnel->liveness->down = false;
		eg_tunnel_note_liveness(tunnels, tunnel);
	}
	return "a peer is up or down";
}

static const char *flip_link(struct pair *pair)
{
	uint32_t bit = 1u << pick(pair, PORTS);

	for (unsigned g = 0; g < 2; g++)
		pair->gateway[g]->links_down ^= bit;
	return "a link is up or down";
}

static const char *learn_mtu(struct pair *pair)
{
	uint32_t id = pick_tunnel(pair);
	uint16_t mtu = (uint16_t)(1280 + pick(pair, 200));
	bool forget = pick(pair, 2);

	if (id == EG_TUNNEL_NONE)
		return NULL;
	for (unsigned g = 0; g < 2; g++) {
		struct eg_tunnels *tunnels = &pair->gateway[g]->tunnels;
		struct eg_pmtu *pmtu = eg_tunnel_get(tunnels, id)->pmtu;

		if (forget ? eg_pmtu_forget(pmtu)
			   : eg_pmtu_learn(pmtu, mtu, (uint32_t)(pair->clock / TICKS_PER_S)))
			eg_tunnel_touch(tunnels, id);
	}
	return forget ? "a path MTU is forgotten" : "a path MTU is learned";
}

/* --- neighbours */

/* MAC of a neighbour: several at a time are another station after a change. */
static void put_mac(const struct pair *pair, const uint8_t *address, unsigned n, uint8_t mac[6])
{
	uint64_t hash = 7;

	for (unsigned i = 0; i < n; i++)
		hash = hash * 31 + address[i];
	mac[0] = 2;
	mac[1] = 0xa;
	mac[2] = (uint8_t)(hash >> 8);
	mac[3] = (uint8_t)hash;
	mac[4] = (uint8_t)((pair->mac_epoch + hash % 8) / 8);
	mac[5] = 1;
}

static uint16_t icmp6_checksum(const uint8_t *p, unsigned n)
{
	uint64_t sum = 58 + (n - 40);

	for (unsigned i = 8; i < n; i++)
		sum += i % 2 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_arp_reply(const struct pair *pair, const uint8_t *request, struct frame *frame)
{
	uint8_t *p = frame->bytes;

	memset(p, 0, 60);
	frame->n = 60;
	memcpy(p, request + 6, 6);
	put_mac(pair, request + 38, 4, p + 6);
	memcpy(p + 12, request + 12, 8);
	eg_put16(p + 20, 2);
	memcpy(p + 22, p + 6, 6);
	memcpy(p + 28, request + 38, 4);
	memcpy(p + 32, request + 22, 10);
}

static void put_advertisement(const struct pair *pair, const uint8_t *solicit, struct frame *frame)
{
	uint8_t *p = frame->bytes;

	memset(p, 0, 86);
	frame->n = 86;
	memcpy(p, solicit + 6, 6);
	put_mac(pair, solicit + 62, 16, p + 6);
	eg_put16(p + 12, 0x86dd);
	p[14] = 0x60;
	eg_put16(p + 18, 32);
	p[20] = 58;
	p[21] = 255;
	memcpy(p + 22, solicit + 62, 16);
	memcpy(p + 38, solicit + 22, 16);
	p[54] = 136;
	p[58] = 0x60;
	memcpy(p + 62, solicit + 62, 16);
	p[78] = 2;
	p[79] = 1;
	memcpy(p + 80, p + 6, 6);
	eg_put16(p + 56, icmp6_checksum(p + 14, 72));
}

void events_note(struct pair *pair)
{
	const struct outputs *outputs = &pair->outputs[0];

	for (unsigned i = 0; i < outputs->n && pair->n_answers < ANSWERS; i++) {
		const struct record *record = &outputs->record[i];
		const uint8_t *p = record->bytes;
		struct frame *frame = &pair->answer[pair->n_answers].frame;
		static const uint8_t zero[16];

		if (record->sealed || record->n < 42)
			continue;
		if (eg_get16(p + 12) == 0x0806 && eg_get16(p + 20) == 1 &&
		    memcmp(p + 28, zero, 4) && memcmp(p + 28, p + 38, 4))
			put_arp_reply(pair, p, frame);
		else if (eg_get16(p + 12) == 0x86dd && record->n >= 78 && p[20] == 58 &&
			 p[54] == 135 && memcmp(p + 22, zero, 16))
			put_advertisement(pair, p, frame);
		else
			continue;
		if (pick(pair, 10))
			pair->answer[pair->n_answers++].port = record->port;
	}
}

/* ICMP "too big" about the last sealed packet, from a router. */
static bool put_too_big(struct pair *pair, unsigned *port, struct frame frame[2])
{
	unsigned len, mtu;
	bool v4;

	if (!pair->outputs[0].quoted.n || !pair->outputs[1].quoted.n)
		return false;
	*port = pair->outputs[0].quoted_port;
	v4 = eg_get16(pair->outputs[0].quoted.bytes + 12) == 0x0800;
	len = eg_get16(pair->outputs[0].quoted.bytes + ETH + (v4 ? 2 : 4)) + (v4 ? 0u : 40u);
	mtu = len - 1 - pick(pair, 400);
	for (unsigned g = 0; g < 2; g++) {
		const struct frame *quoted = &pair->outputs[g].quoted;
		uint8_t *p = frame[g].bytes, *ip = p + ETH;
		unsigned n = quoted->n - ETH, head = v4 ? 20 : 40;

		n = n > 80 ? 80 : n;
		memset(p, 0, ETH + head + 8);
		memcpy(p, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)*port, 2, 0, 0, 0, 1, 9}, 12);
		memcpy(p + 12, quoted->bytes + 12, 2);
		memcpy(ip + head + 8, quoted->bytes + ETH, n);
		n += 8;
		if (v4) {
			uint64_t sum = 0;

			ip[0] = 0x45;
			eg_put16(ip + 2, (uint16_t)(20 + n));
			ip[8] = 60;
			ip[9] = 1;
			memcpy(ip + 12, (uint8_t[]){203, 0, 115, 1}, 4);
			memcpy(ip + 16, quoted->bytes + ETH + 12, 4);
			put_ip_checksum(ip);
			ip[20] = 3;
			ip[21] = 4;
			eg_put16(ip + 26, (uint16_t)mtu);
			for (unsigned i = 0; i < n; i++)
				sum += i % 2 ? ip[20 + i] : (unsigned)ip[20 + i] << 8;
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			eg_put16(ip + 22, (uint16_t)~sum);
		} else {
			ip[0] = 0x60;
			eg_put16(ip + 4, (uint16_t)n);
			ip[6] = 58;
			ip[7] = 60;
			memcpy(ip + 8, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, 0x77}, 6);
			ip[23] = 1;
			memcpy(ip + 24, quoted->bytes + ETH + 8, 16);
			ip[40] = 2;
			eg_put32(ip + 44, mtu);
			eg_put16(ip + 42, icmp6_checksum(ip, 40 + n));
		}
		frame[g].n = ETH + head + n;
	}
	return true;
}

bool events_answer(struct pair *pair, unsigned *port, struct frame frame[2])
{
	if (pair->n_answers) {
		pair->n_answers--;
		*port = pair->answer[pair->n_answers].port;
		frame[0] = frame[1] = pair->answer[pair->n_answers].frame;
		return true;
	}
	return !pick(pair, 8) && put_too_big(pair, port, frame);
}

/* --- time */

void events_step(struct pair *pair)
{
	unsigned what = 0;

	for (unsigned bit = STEP_RESOLVE; bit <= STEP_AGE; bit <<= 1) {
		if (!pick(pair, bit >= STEP_SWEEP ? 64 : 4))
			what |= bit;
	}
	for (unsigned g = 0; g < 2; g++)
		gateway_step(pair->gateway[g], what, pair->clock);
}

const char *events_happen(struct pair *pair)
{
	const char *what;

	pair->clock += pick(pair, (unsigned)(4 * MS));
	if (!pick(pair, 40))
		pair->clock += pick(pair, 3000) * MS;
	if (!pick(pair, 1500))
		pair->clock += pick(pair, 700) * TICKS_PER_S;
	if (!pick(pair, 200))
		pair->mac_epoch++;
	switch (pick(pair, 1200)) {
	case 0 ... 3:
		what = world_change(&pair->world);
		if (!pick(pair, 3))
			world_change(&pair->world);
		events_load(pair);
		return what;
	case 10 ... 19:
		return replace_sa(pair);
	case 20 ... 21:
		return exhaust_sa(pair);
	case 30 ... 30:
		return remove_sa(pair);
	case 40 ... 54:
		return flip_liveness(pair);
	case 60 ... 67:
		return flip_link(pair);
	case 70 ... 89:
		return learn_mtu(pair);
	default:
		if (pair->gateway[0]->links_down && !pick(pair, 20))
			pair->gateway[0]->links_down = pair->gateway[1]->links_down = 0;
		return NULL;
	}
}
