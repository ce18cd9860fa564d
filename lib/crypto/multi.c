#include "crypto/multi.h"

#include <string.h>

#include "crypto/key.h"

static unsigned at_most(unsigned n, unsigned limit)
{
	return n < limit ? n : limit;
}

void eg_multi_set(struct eg_multi *multi, struct eg_multi_packet limits)
{
	const unsigned gcm_max = eg_gcm4_supported() ? EG_GCM4_TEXT_MAX : 0;
	const unsigned chacha_max = eg_chacha16_supported() ? EG_CHACHA16_TEXT_MAX : 0;

	multi->limits.gcm_max = at_most(limits.gcm_max, gcm_max);
	for (unsigned i = 0; i < EG_MULTI_PACKET_SIZES; i++)
		multi->limits.chacha_max[i] = at_most(limits.chacha_max[i], chacha_max);
}

static void run_lanes(struct eg_gcm4_lanes *lanes, bool seal)
{
	if (seal)
		eg_gcm4_seal(lanes->op, lanes->key);
	else
		eg_gcm4_open(lanes->op, lanes->key);
	lanes->n = 0;
}

static inline unsigned class_of(const struct eg_crypto_op *op)
{
	return (op->key->gcm4.rounds / 2u - 5) * (EG_GCM4_VECTORS + 1) + eg_gcm4_vectors(op);
}

/* Add an op to its class; the fourth one starts the computation. */
static inline void add_gcm(struct eg_multi *multi, struct eg_crypto_op *op, bool seal)
{
	unsigned c = class_of(op);
	struct eg_gcm4_lanes *lanes = &multi->lanes[c];

	lanes->op[lanes->n] = op;
	lanes->key[lanes->n++] = &op->key->gcm4;
	multi->waiting |= 1ull << c;
	if (lanes->n < EG_GCM4_LANES)
		return;
	run_lanes(lanes, seal);
	multi->waiting &= ~(1ull << c);
}

/* Fill the unused lanes with copies of the first op, whose text and ICV are scratch memory. */
static void fill_lanes(struct eg_multi *multi, struct eg_gcm4_lanes *lanes)
{
	for (unsigned i = lanes->n; i < EG_GCM4_LANES; i++) {
		multi->filler[i] = *lanes->op[0];
		multi->filler[i].text = multi->filler_text[i];
		multi->filler[i].icv = multi->filler_icv[i];
		lanes->op[i] = &multi->filler[i];
		lanes->key[i] = lanes->key[0];
	}
}

/* A single op left over in a class is cheaper with IPsec-MB; two or three are not. */
static unsigned finish_gcm(struct eg_multi *multi, struct eg_crypto_op *rest[], unsigned n_rest,
			   bool seal)
{
	for (; multi->waiting; multi->waiting &= multi->waiting - 1) {
		struct eg_gcm4_lanes *lanes = &multi->lanes[__builtin_ctzll(multi->waiting)];

		if (lanes->n == 1) {
			rest[n_rest++] = lanes->op[0];
			lanes->n = 0;
			continue;
		}
		fill_lanes(multi, lanes);
		run_lanes(lanes, seal);
	}
	return n_rest;
}

/* In descending order of blocks, by counting: a group of similar lengths wastes least. */
static void sort_chacha(struct eg_multi *multi, struct eg_crypto_op *sorted[])
{
	uint8_t place[EG_CHACHA16_BLOCKS + 2] = {0};

	/* place[b]: how many have b blocks; then, how many have more: where those begin. */
	for (unsigned i = 0; i < multi->n_chacha; i++)
		place[eg_chacha16_blocks(multi->chacha[i])]++;
	for (unsigned b = EG_CHACHA16_BLOCKS + 1, more = 0; b-- > 0;) {
		unsigned here = place[b];

		place[b] = (uint8_t)more;
		more += here;
	}
	for (unsigned i = 0; i < multi->n_chacha; i++) {
		struct eg_crypto_op *op = multi->chacha[i];

		sorted[place[eg_chacha16_blocks(op)]++] = op;
	}
}

/* The longest text for a group of n packets. */
static unsigned chacha_max(const struct eg_multi *multi, unsigned n)
{
	return n < 2 ? 0 : multi->limits.chacha_max[31 - __builtin_clz(n) - 1];
}

static unsigned finish_chacha(struct eg_multi *multi, struct eg_crypto_op *rest[], unsigned n_rest,
			      bool seal)
{
	const struct eg_chacha16_key *keys[EG_CHACHA16_LANES];
	struct eg_crypto_op *sorted[EG_CRYPTO_BURST];
	unsigned at = 0;

	sort_chacha(multi, sorted);
	while (at < multi->n_chacha) {
		unsigned n = at_most(multi->n_chacha - at, EG_CHACHA16_LANES);

		/* The longest ones of a small group are cheaper with IPsec-MB. */
		if (n < 2 || sorted[at]->text_len > chacha_max(multi, n)) {
			rest[n_rest++] = sorted[at++];
			continue;
		}
		for (unsigned i = 0; i < n; i++)
			keys[i] = &sorted[at + i]->key->chacha;
		if (seal)
			eg_chacha16_seal(sorted + at, keys, n, &multi->chacha_scratch);
		else
			eg_chacha16_open(sorted + at, keys, n, &multi->chacha_scratch);
		at += n;
	}
	multi->n_chacha = 0;
	return n_rest;
}

static inline bool is_gcm4(const struct eg_multi *multi, const struct eg_crypto_op *op)
{
	return op->key->multi == EG_MULTI_GCM4 && op->text_len <= multi->limits.gcm_max &&
	       eg_gcm4_fits(op);
}

static inline bool equal_class(const struct eg_multi *multi, const struct eg_crypto_op *a,
			       const struct eg_crypto_op *b)
{
	return is_gcm4(multi, b) && eg_gcm4_vectors(a) == eg_gcm4_vectors(b) &&
	       a->key->gcm4.rounds == b->key->gcm4.rounds;
}

/* Bursts often begin with packets of one class, or have no others: those need no sorting. Returns
 * how many were computed. */
static unsigned run_equal(const struct eg_multi *multi, struct eg_crypto_op *ops, unsigned n,
			  bool seal)
{
	unsigned done = 0;

	for (; done + EG_GCM4_LANES <= n; done += EG_GCM4_LANES) {
		struct eg_crypto_op *op = &ops[done];
		struct eg_gcm4_lanes lanes;

		if (!is_gcm4(multi, op))
			break;
		for (lanes.n = 0; lanes.n < EG_GCM4_LANES; lanes.n++) {
			lanes.op[lanes.n] = &op[lanes.n];
			lanes.key[lanes.n] = &op[lanes.n].key->gcm4;
			if (!equal_class(multi, op, &op[lanes.n]))
				return done;
		}
		run_lanes(&lanes, seal);
	}
	return done;
}

unsigned eg_multi_run(struct eg_multi *multi, struct eg_crypto_op *ops, unsigned n,
		      struct eg_crypto_op *rest[EG_CRYPTO_BURST], bool seal)
{
	unsigned n_rest = 0;

	for (unsigned i = run_equal(multi, ops, n, seal); i < n; i++) {
		struct eg_crypto_op *op = &ops[i];

		if (is_gcm4(multi, op))
			add_gcm(multi, op, seal);
		else if (op->key->multi == EG_MULTI_CHACHA16 && eg_chacha16_fits(op))
			multi->chacha[multi->n_chacha++] = op;
		else
			rest[n_rest++] = op;
	}
	if (multi->waiting)
		n_rest = finish_gcm(multi, rest, n_rest, seal);
	if (multi->n_chacha)
		n_rest = finish_chacha(multi, rest, n_rest, seal);
	return n_rest;
}
