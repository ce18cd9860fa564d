/* Connection keys: both directions of a connection produce the same key. Stateless: any thread. */
#ifndef EG_FLOW_KEY_H
#define EG_FLOW_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Addresses and ports of a packet, in place. */
struct eg_flow_tuple {
	const uint8_t *src, *dst; /* 4 or 16 bytes, network order, any alignment */
	uint16_t sport, dport;    /* host order; ICMP echo: the identifier twice; else 0 */
	uint8_t proto;
	uint8_t version; /* 4 or 6 */
};

/* The two ends in a fixed order (smaller first), so that both directions compare equal. IPv4
 * addresses use the first four bytes of an end. Hashed and compared as words. */
struct eg_flow_key {
	uint64_t addr[2][2];
	uint16_t port[2];
	uint8_t proto;
	uint8_t version;
	uint16_t zero;
};

_Static_assert(sizeof(struct eg_flow_key) == 40, "five words without holes");

/* Secret seeds: outsiders must not be able to fill one bucket on purpose. */
struct eg_flow_seed {
	uint64_t word[4];
};

static inline bool eg_flow_key_equal(const struct eg_flow_key *a, const struct eg_flow_key *b)
{
	uint64_t x[5], y[5];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* The side that is the source: 1 if its end is the greater one. Branch-free: the order is random,
 * and a misprediction would cost more than all of this. */
static inline unsigned eg_flow_side(const uint64_t s[2], const uint64_t d[2], uint16_t sport,
				    uint16_t dport)
{
	unsigned ports = sport > dport;
	unsigned low = (s[1] > d[1]) | ((s[1] == d[1]) & ports);

	return (s[0] > d[0]) | ((s[0] == d[0]) & low);
}

/* Fill the key; returns the side (0 or 1) that is the tuple's source. For a host talking to itself,
 * ports decide the order. */
static inline unsigned eg_flow_key_make(struct eg_flow_key *key, const struct eg_flow_tuple *tuple)
{
	uint64_t s[2] = {0, 0}, d[2] = {0, 0};
	unsigned side;

	if (tuple->version == 4) {
		uint32_t s4, d4;

		memcpy(&s4, tuple->src, sizeof(s4));
		memcpy(&d4, tuple->dst, sizeof(d4));
		s[0] = s4;
		d[0] = d4;
	} else {
		memcpy(s, tuple->src, sizeof(s));
		memcpy(d, tuple->dst, sizeof(d));
	}
	side = eg_flow_side(s, d, tuple->sport, tuple->dport);
	memcpy(key->addr[side], s, sizeof(s));
	memcpy(key->addr[!side], d, sizeof(d));
	key->port[side] = tuple->sport;
	key->port[!side] = tuple->dport;
	key->proto = tuple->proto;
	key->version = tuple->version;
	key->zero = 0;
	return side;
}

static inline uint64_t eg_flow_fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply and fold with secret seeds (wyhash's construction). The last fold is needed: in the one
 * before, one factor is constant when only addresses or only ports differ, and multiples of a
 * constant form a lattice rather than a random distribution. */
static inline uint64_t eg_flow_hash(const struct eg_flow_key *key, const struct eg_flow_seed *seed)
{
	uint64_t tail, mixed;

	memcpy(&tail, key->port, sizeof(tail));
	if (key->version == 4)
		mixed = eg_flow_fold((key->addr[0][0] | key->addr[1][0] << 32) ^ seed->word[0],
				     tail ^ seed->word[1]);
	else
		mixed = eg_flow_fold(eg_flow_fold(key->addr[0][0] ^ seed->word[0],
						  key->addr[0][1] ^ seed->word[1]) ^
					     tail,
				     eg_flow_fold(key->addr[1][0] ^ seed->word[2],
						  key->addr[1][1] ^ seed->word[3]));
	return eg_flow_fold(mixed ^ seed->word[2], seed->word[3] | 1);
}

#endif
