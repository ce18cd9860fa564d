/* Built with the instruction sets that eg_gcm4_supported() asks for: nothing of this file may run
 *on a CPU without them.
 *
 * GHASH (NIST SP 800-38D s6.4) is over bit-reflected polynomials. With the powers of H multiplied
 *by x once, products of byte-reversed blocks need no shift, and are reduced by two multiplications
 * with the upper half of the polynomial (Gueron, Kounavis: Intel Carry-Less Multiplication
 * Instruction and its Usage for Computing the GCM Mode, algorithm 5 with a shifted operand).
 *
 * The tag of n blocks of text X, associated data A and lengths L is
 *
 *	E(J0) ^ (A * H^(n+2) ^ X1 * H^(n+1) ^ ... ^ Xn * H^2 ^ L * H)
 *
 * so the products of all blocks can be added before one reduction: each packet adds up its own
 *text, four blocks a vector; A and L of all four packets share a vector, one packet per lane; in
 *the end the lanes of each packet's sum are added, and the reduction again has one packet per lane.
 */
#include "crypto/gcm4.h"

#include <immintrin.h>
#include <string.h>

#include "base/secret.h"

#define LANES  EG_GCM4_LANES
#define INLINE static inline __attribute__((always_inline))

/* The sum of unreduced products: 256 bits in three parts. */
struct product {
	__m512i high, low, middle;
};

/* One packet on its way. */
struct packet {
	const struct eg_gcm4_key *key;
	uint8_t *text;
	unsigned blocks;
	__mmask64 last; /* bytes of the last vector */
	__m512i nonce;  /* salt and IV in each lane, counter 0 */
	struct product sum;
};

/* What is of all four, one packet per lane. */
struct group {
	__m512i pad; /* E(J0) */
	struct product sum;
	__m512i counters; /* of the vector's four blocks, big-endian */
};

INLINE __m512i reverse_bytes(__m512i x)
{
	const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(order));
}

INLINE __m512i four(__m128i a, __m128i b, __m128i c, __m128i d)
{
	const __m256i ab = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
	const __m256i cd = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);

	return _mm512_inserti64x4(_mm512_castsi256_si512(ab), cd, 1);
}

INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

INLINE void add_product(struct product *sum, __m512i a, __m512i b)
{
	sum->high = _mm512_xor_si512(sum->high, _mm512_clmulepi64_epi128(a, b, 0x11));
	sum->low = _mm512_xor_si512(sum->low, _mm512_clmulepi64_epi128(a, b, 0x00));
	sum->middle = _mm512_ternarylogic_epi64(sum->middle, _mm512_clmulepi64_epi128(a, b, 0x01),
						_mm512_clmulepi64_epi128(a, b, 0x10), 0x96);
}

/* Each lane by itself. */
INLINE __m512i reduce(const struct product *sum)
{
	const __m512i poly = _mm512_set1_epi64((long long)0xc200000000000000ull);
	__m512i low = _mm512_xor_si512(sum->low, _mm512_bslli_epi128(sum->middle, 8));
	__m512i high = _mm512_xor_si512(sum->high, _mm512_bsrli_epi128(sum->middle, 8));

	for (unsigned half = 0; half < 2; half++)
		low = _mm512_xor_si512(_mm512_shuffle_epi32(low, _MM_PERM_BADC),
				       _mm512_clmulepi64_epi128(low, poly, 0x00));
	return _mm512_xor_si512(high, low);
}

/* Lane i: the sum of the four lanes of the i-th. */
INLINE __m512i add_lanes(__m512i a, __m512i b, __m512i c, __m512i d)
{
	const __m512i ab = _mm512_xor_si512(_mm512_shuffle_i64x2(a, b, 0x44),
					    _mm512_shuffle_i64x2(a, b, 0xee));
	const __m512i cd = _mm512_xor_si512(_mm512_shuffle_i64x2(c, d, 0x44),
					    _mm512_shuffle_i64x2(c, d, 0xee));

	return _mm512_xor_si512(_mm512_shuffle_i64x2(ab, cd, 0x88),
				_mm512_shuffle_i64x2(ab, cd, 0xdd));
}

INLINE const uint8_t *power(const struct eg_gcm4_key *key, unsigned n)
{
	return key->power[EG_GCM4_POWERS - n];
}

INLINE __m512i round_key(const struct eg_gcm4_key *key, unsigned r)
{
	return _mm512_broadcast_i32x4(load(key->round_key[r]));
}

/* One packet per lane. */
INLINE __m512i round_keys(const struct packet *p, unsigned r)
{
	return four(load(p[0].key->round_key[r]), load(p[1].key->round_key[r]),
		    load(p[2].key->round_key[r]), load(p[3].key->round_key[r]));
}

INLINE void begin_packet(struct packet *p, const struct eg_crypto_op *op,
			 const struct eg_gcm4_key *key, unsigned vectors)
{
	/* Loaded as a block with its neighbours: no general register holds the salt. */
	const __m128i iv = _mm_bslli_si128(_mm_loadl_epi64((const void *)op->iv), 4);

	p->key = key;
	p->text = op->text;
	p->blocks = (op->text_len + 15) / 16;
	p->last = _bzhi_u64(UINT64_MAX, op->text_len - 64 * (vectors - 1));
	p->nonce = _mm512_broadcast_i32x4(_mm_blend_epi32(iv, load(key->salt), 1));
	p->sum = (struct product){_mm512_setzero_si512(), _mm512_setzero_si512(),
				  _mm512_setzero_si512()};
}

INLINE __m128i load_aad(const struct eg_crypto_op *op)
{
	return _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xffff, op->aad_len), op->aad);
}

/* In bits (SP 800-38D s7.1), ready to be multiplied. */
INLINE __m128i lengths(const struct eg_crypto_op *op)
{
	return _mm_set_epi64x((long long)op->aad_len * 8, (long long)op->text_len * 8);
}

/* Associated data and lengths of all four. */
INLINE void begin_group(struct group *g, struct eg_crypto_op *const op[LANES],
			const struct packet *p)
{
	const __m512i aad =
		four(load_aad(op[0]), load_aad(op[1]), load_aad(op[2]), load_aad(op[3]));
	const __m512i len = four(lengths(op[0]), lengths(op[1]), lengths(op[2]), lengths(op[3]));
	const __m512i aad_power = four(
		load(power(p[0].key, p[0].blocks + 2)), load(power(p[1].key, p[1].blocks + 2)),
		load(power(p[2].key, p[2].blocks + 2)), load(power(p[3].key, p[3].blocks + 2)));
	const __m512i h = four(load(power(p[0].key, 1)), load(power(p[1].key, 1)),
			       load(power(p[2].key, 1)), load(power(p[3].key, 1)));

	g->sum = (struct product){_mm512_setzero_si512(), _mm512_setzero_si512(),
				  _mm512_setzero_si512()};
	add_product(&g->sum, reverse_bytes(aad), aad_power);
	add_product(&g->sum, len, h);
	/* The text's first block has counter 2 (SP 800-38D s7.1). */
	g->counters = _mm512_set_epi32(5 << 24, 0, 0, 0, 4 << 24, 0, 0, 0, 3 << 24, 0, 0, 0,
				       2 << 24, 0, 0, 0);
	/* E(J0) begins as J0, whose counter is 1. */
	g->pad = _mm512_or_si512(
		four(_mm512_castsi512_si128(p[0].nonce), _mm512_castsi512_si128(p[1].nonce),
		     _mm512_castsi512_si128(p[2].nonce), _mm512_castsi512_si128(p[3].nonce)),
		_mm512_broadcast_i32x4(_mm_set_epi32(1 << 24, 0, 0, 0)));
}

/* The key stream of one vector of each packet; with the first one also E(J0). */
INLINE void encrypt_counters(__m512i stream[LANES], struct group *g, const struct packet *p,
			     unsigned rounds, bool same_key, bool first)
{
	for (unsigned i = 0; i < LANES; i++)
		stream[i] = _mm512_xor_si512(_mm512_or_si512(p[i].nonce, g->counters),
					     round_key(p[same_key ? 0 : i].key, 0));
	if (first)
		g->pad = _mm512_xor_si512(g->pad,
					  same_key ? round_key(p[0].key, 0) : round_keys(p, 0));
	for (unsigned r = 1; r < rounds; r++) {
		for (unsigned i = 0; i < LANES; i++)
			stream[i] = _mm512_aesenc_epi128(stream[i],
							 round_key(p[same_key ? 0 : i].key, r));
		if (first)
			g->pad = _mm512_aesenc_epi128(g->pad, same_key ? round_key(p[0].key, r)
								       : round_keys(p, r));
	}
	for (unsigned i = 0; i < LANES; i++)
		stream[i] = _mm512_aesenclast_epi128(stream[i],
						     round_key(p[same_key ? 0 : i].key, rounds));
	if (first)
		g->pad = _mm512_aesenclast_epi128(g->pad, same_key ? round_key(p[0].key, rounds)
								   : round_keys(p, rounds));
	/* At most 46: no carry into the next byte. */
	g->counters = _mm512_add_epi32(g->counters,
				       _mm512_broadcast_i32x4(_mm_set_epi32(4 << 24, 0, 0, 0)));
}

/* Cipher vector v of a packet in place and add its ciphertext to the hash. */
INLINE void cipher_vector(struct packet *p, unsigned v, __m512i stream, bool last, bool seal)
{
	const __mmask64 mask = last ? p->last : UINT64_MAX;
	uint8_t *at = p->text + 64 * v;
	const __m512i in = _mm512_maskz_loadu_epi8(mask, at);
	const __m512i out = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(in, stream));

	_mm512_mask_storeu_epi8(at, mask, out);
	add_product(&p->sum, reverse_bytes(seal ? out : in),
		    _mm512_loadu_si512(power(p->key, p->blocks + 1 - 4 * v)));
}

INLINE __m512i tags(const struct group *g, const struct packet *p)
{
	const struct product sum = {
		_mm512_xor_si512(g->sum.high, add_lanes(p[0].sum.high, p[1].sum.high, p[2].sum.high,
							p[3].sum.high)),
		_mm512_xor_si512(g->sum.low,
				 add_lanes(p[0].sum.low, p[1].sum.low, p[2].sum.low, p[3].sum.low)),
		_mm512_xor_si512(g->sum.middle, add_lanes(p[0].sum.middle, p[1].sum.middle,
							  p[2].sum.middle, p[3].sum.middle)),
	};

	return _mm512_xor_si512(reverse_bytes(reduce(&sum)), g->pad);
}

INLINE __mmask16 icv_mask(const struct packet *p)
{
	return (__mmask16)_bzhi_u32(0xffff, p->key->icv_bytes);
}

INLINE void store_icv(const struct eg_crypto_op *op, const struct packet *p, __m128i tag)
{
	_mm_mask_storeu_epi8(op->icv, icv_mask(p), tag);
}

/* All bytes at once: how many of them agree does not show in the time. */
INLINE bool icv_equal(const struct eg_crypto_op *op, const struct packet *p, __m128i tag)
{
	const __m128i icv = _mm_maskz_loadu_epi8(icv_mask(p), op->icv);

	return !_mm_mask_cmpneq_epi8_mask(icv_mask(p), icv, tag);
}

INLINE void finish(struct eg_crypto_op *const op[LANES], const struct packet *p, __m512i tag,
		   bool seal)
{
	const __m128i each[LANES] = {
		_mm512_castsi512_si128(tag),
		_mm512_extracti32x4_epi32(tag, 1),
		_mm512_extracti32x4_epi32(tag, 2),
		_mm512_extracti32x4_epi32(tag, 3),
	};

	for (unsigned i = 0; i < LANES; i++) {
		op[i]->ok = seal || icv_equal(op[i], &p[i], each[i]);
		if (seal)
			store_icv(op[i], &p[i], each[i]);
		else if (!op[i]->ok) /* what is not authentic does not stay readable */
			memset(op[i]->text, 0, op[i]->text_len);
	}
}

INLINE void run(struct eg_crypto_op *const op[LANES], const struct eg_gcm4_key *const keys[LANES],
		unsigned rounds, bool same_key, bool seal)
{
	const unsigned vectors = eg_gcm4_vectors(op[0]);
	__m512i stream[LANES];
	struct packet p[LANES];
	struct group g;

	for (unsigned i = 0; i < LANES; i++)
		begin_packet(&p[i], op[i], keys[i], vectors);
	begin_group(&g, op, p);
	encrypt_counters(stream, &g, p, rounds, same_key, true);
	for (unsigned v = 0; v + 1 < vectors; v++) {
		for (unsigned i = 0; i < LANES; i++)
			cipher_vector(&p[i], v, stream[i], false, seal);
		encrypt_counters(stream, &g, p, rounds, same_key, false);
	}
	for (unsigned i = 0; i < LANES; i++)
		cipher_vector(&p[i], vectors - 1, stream[i], true, seal);
	finish(op, p, tags(&g, p), seal);
}

/* The compiler makes a function of each. */
INLINE void run_rounds(struct eg_crypto_op *const op[LANES],
		       const struct eg_gcm4_key *const keys[LANES], bool same_key, bool seal)
{
	switch (keys[0]->rounds) {
	case 10:
		run(op, keys, 10, same_key, seal);
		break;
	case 12:
		run(op, keys, 12, same_key, seal);
		break;
	default:
		run(op, keys, 14, same_key, seal);
		break;
	}
}

INLINE void run_keys(struct eg_crypto_op *const op[LANES],
		     const struct eg_gcm4_key *const keys[LANES], bool seal)
{
	if (keys[0] == keys[1] && keys[0] == keys[2] && keys[0] == keys[3])
		run_rounds(op, keys, true, seal);
	else
		run_rounds(op, keys, false, seal);
}

void eg_gcm4_seal(struct eg_crypto_op *const ops[LANES],
		  const struct eg_gcm4_key *const keys[LANES])
{
	run_keys(ops, keys, true);
}

void eg_gcm4_open(struct eg_crypto_op *const ops[LANES],
		  const struct eg_gcm4_key *const keys[LANES])
{
	run_keys(ops, keys, false);
}

/* H, the encryption of zeros (SP 800-38D s7.1), times x: bit-reflected, that is a shift to the left
 * whose carry comes back as the polynomial. */
static __m128i hash_key(const struct eg_gcm4_key *key)
{
	__m128i h = load(key->round_key[0]);
	uint64_t half[2], carry;

	for (unsigned r = 1; r < key->rounds; r++)
		h = _mm_aesenc_si128(h, load(key->round_key[r]));
	h = _mm_aesenclast_si128(h, load(key->round_key[key->rounds]));
	h = _mm512_castsi512_si128(reverse_bytes(_mm512_castsi128_si512(h)));
	_mm_storeu_si128((void *)half, h);
	carry = half[1] >> 63;
	half[1] = half[1] << 1 | half[0] >> 63;
	half[0] = half[0] << 1 | carry;
	half[1] ^= (0 - carry) & 0xc200000000000000ull;
	h = load(half);
	eg_secret_wipe(half, sizeof(half));
	return h;
}

void eg_gcm4_expand(struct eg_gcm4_key *key, const uint8_t *round_keys, unsigned rounds)
{
	const __m512i zero = _mm512_setzero_si512();
	__m512i h, h_n;

	key->rounds = (uint8_t)rounds;
	memcpy(key->round_key, round_keys, 16 * (rounds + 1));
	h = h_n = _mm512_zextsi128_si512(hash_key(key));
	memset(key->power, 0, sizeof(key->power));
	for (unsigned n = 1; n <= EG_GCM4_POWERS; n++) {
		struct product next = {zero, zero, zero};

		_mm_storeu_si128((void *)key->power[EG_GCM4_POWERS - n],
				 _mm512_castsi512_si128(h_n));
		add_product(&next, h_n, h);
		h_n = reduce(&next);
	}
}
