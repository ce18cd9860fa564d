/* Built with the instruction sets that eg_chacha16_supported() asks for: nothing of this file may
 * run on a CPU without them.
 *
 * ChaCha20 (RFC 8439 s2.3): the sixteen words of a state are sixteen vectors, and each of their 32-
 * bit lanes is one block. The blocks of all packets are numbered in the order in which Poly1305
 * needs them: first each packet's block 0, which is its Poly1305 key, then each packet's first
 * block of text, then the second ones. Sixteen consecutive ones are computed at a time, whosesoever
 * they are. So few lanes stay unused.
 *
 * Poly1305 (s2.5): each packet has a 64-bit lane in two sets of vectors. Numbers below 2^130 are
 * three limbs of 44, 44 and 42 bits, whose products the 52-bit multiplication (IFMA) computes. As
 * packets are in descending order of their lengths, those that still have text are the first lanes.
 */
#include "crypto/chacha16.h"

#include <immintrin.h>
#include <string.h>

#define LANES  EG_CHACHA16_LANES
#define HALF   8 /* packets per set of vectors of Poly1305 */
#define INLINE static inline __attribute__((always_inline))

/* Words of a state (s2.3): 0 to 3 are constants, 12 is the counter. */
#define KEY_WORDS 8
#define WORD_KEY  4
#define WORD_CTR  12
#define WORD_SALT 13
#define WORDS     16

/* Scratch: place of a packet's words without constants and counter. */
#define AT_SALT KEY_WORDS

/* A call's packets. */
struct group {
	struct eg_crypto_op *const *ops;
	unsigned n;
	bool seal;
	struct eg_chacha16_scratch *scratch;
};

/* Which packets have a block of text at that index: the first n; their numbers in the order of
 * computation begin at `first`. */
struct row {
	unsigned index, n, first;
};

/* Poly1305 of eight packets. */
struct poly {
	__m512i h[3];
	__m512i blocks; /* of 16 bytes, of each packet's text */
	uint8_t (*key)[64];
};

/* Poly1305's key in scratch memory: three limbs of r, the upper two times 20 (2^132 = 4 * 2^130 = 4
 * * 5 modulo 2^130 - 5), and s. */
enum {
	R0,
	R1,
	R2,
	R1_20,
	R2_20,
	S_LOW,
	S_HIGH,
};

INLINE __m512i mask_44(void)
{
	return _mm512_set1_epi64((1ll << 44) - 1);
}

INLINE __m512i mask_42(void)
{
	return _mm512_set1_epi64((1ll << 42) - 1);
}

INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

INLINE __m512i four(__m128i a, __m128i b, __m128i c, __m128i d)
{
	const __m256i ab = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
	const __m256i cd = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);

	return _mm512_inserti64x4(_mm512_castsi256_si512(ab), cd, 1);
}

/* Four words of each packet to one vector per word. */
INLINE void store_words(uint8_t (*words)[64], const __m128i of[LANES], unsigned n)
{
	__m512i row[4], pair[4];
	__m512i word[4];

	for (unsigned i = 0; i < 4; i++)
		row[i] = four(of[i], of[4 + i], of[8 + i], of[12 + i]);
	pair[0] = _mm512_unpacklo_epi32(row[0], row[1]);
	pair[1] = _mm512_unpacklo_epi32(row[2], row[3]);
	pair[2] = _mm512_unpackhi_epi32(row[0], row[1]);
	pair[3] = _mm512_unpackhi_epi32(row[2], row[3]);
	word[0] = _mm512_unpacklo_epi64(pair[0], pair[1]);
	word[1] = _mm512_unpackhi_epi64(pair[0], pair[1]);
	word[2] = _mm512_unpacklo_epi64(pair[2], pair[3]);
	word[3] = _mm512_unpackhi_epi64(pair[2], pair[3]);
	for (unsigned i = 0; i < n; i++)
		_mm512_store_si512(words[i], word[i]);
}

INLINE unsigned packet_of(const struct group *g, unsigned lane)
{
	return lane < g->n ? lane : 0; /* unused lanes repeat the first packet */
}

/* Keys and nonces (RFC 7634 s2: salt, then the packet's IV). */
INLINE void prepare_words(const struct group *g, const struct eg_chacha16_key *const keys[])
{
	uint8_t(*words)[64] = g->scratch->words;
	__m128i of[LANES];

	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 0; i < LANES; i++)
			of[i] = load(keys[packet_of(g, i)]->key + 16 * half);
		store_words(words + 4 * half, of, 4);
	}
	for (unsigned i = 0; i < LANES; i++) {
		/* Loaded as a block with its neighbours: no general register holds the salt. */
		const unsigned p = packet_of(g, i);
		const __m128i iv = _mm_bslli_si128(_mm_loadl_epi64((const void *)g->ops[p]->iv), 4);

		of[i] = _mm_blend_epi32(iv, load(keys[p]->salt), 1);
	}
	store_words(words + AT_SALT, of, 3);
}

INLINE struct row first_row(const struct group *g)
{
	struct row row = {0, g->n, g->n};

	while (row.n && eg_chacha16_blocks(g->ops[row.n - 1]) == 0)
		row.n--;
	return row;
}

INLINE void next_row(const struct group *g, struct row *row)
{
	row->first += row->n;
	row->index++;
	while (row->n && eg_chacha16_blocks(g->ops[row->n - 1]) <= row->index)
		row->n--;
}

/* Number the blocks. Returns how many there are. */
INLINE unsigned plan(const struct group *g)
{
	const __m128i lanes = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	struct eg_chacha16_scratch *scratch = g->scratch;
	struct row row = first_row(g);

	_mm_storeu_si128((void *)scratch->lane, lanes);
	_mm_storeu_si128((void *)scratch->counter, _mm_setzero_si128());
	for (; row.n; next_row(g, &row)) {
		_mm_storeu_si128((void *)(scratch->lane + row.first), lanes);
		_mm_storeu_si128((void *)(scratch->counter + row.first),
				 _mm_set1_epi8((char)(row.index + 1)));
	}
	/* The last vectors' unused lanes. */
	_mm_storeu_si128((void *)(scratch->lane + row.first), lanes);
	_mm_storeu_si128((void *)(scratch->counter + row.first), _mm_setzero_si128());
	return row.first;
}

INLINE void quarter_round(__m512i *a, __m512i *b, __m512i *c, __m512i *d)
{
	*a = _mm512_add_epi32(*a, *b);
	*d = _mm512_rol_epi32(_mm512_xor_si512(*d, *a), 16);
	*c = _mm512_add_epi32(*c, *d);
	*b = _mm512_rol_epi32(_mm512_xor_si512(*b, *c), 12);
	*a = _mm512_add_epi32(*a, *b);
	*d = _mm512_rol_epi32(_mm512_xor_si512(*d, *a), 8);
	*c = _mm512_add_epi32(*c, *d);
	*b = _mm512_rol_epi32(_mm512_xor_si512(*b, *c), 7);
}

INLINE void load_state(__m512i s[WORDS], const struct eg_chacha16_scratch *scratch, unsigned at)
{
	static const int constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	const __m512i lanes = _mm512_cvtepu8_epi32(load(scratch->lane + at));

	for (unsigned i = 0; i < 4; i++)
		s[i] = _mm512_set1_epi32(constants[i]);
	for (unsigned i = 0; i < KEY_WORDS; i++)
		s[WORD_KEY + i] =
			_mm512_permutexvar_epi32(lanes, _mm512_load_si512(scratch->words[i]));
	s[WORD_CTR] = _mm512_cvtepu8_epi32(load(scratch->counter + at));
	for (unsigned i = WORD_SALT; i < WORDS; i++)
		s[i] = _mm512_permutexvar_epi32(
			lanes, _mm512_load_si512(scratch->words[AT_SALT + i - WORD_SALT]));
}

/* Sixteen blocks of keystream: word i of all of them in s[i]. */
INLINE void keystream(__m512i s[WORDS], const struct eg_chacha16_scratch *scratch, unsigned at)
{
	__m512i start[WORDS];

	load_state(s, scratch, at);
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned k = 0; k < 4; k++)
			quarter_round(&s[k], &s[4 + k], &s[8 + k], &s[12 + k]);
		for (unsigned k = 0; k < 4; k++)
			quarter_round(&s[k], &s[4 + (k + 1) % 4], &s[8 + (k + 2) % 4],
				      &s[12 + (k + 3) % 4]);
	}
	load_state(start, scratch, at); /* again: there are no registers to keep it in */
	for (unsigned i = 0; i < WORDS; i++)
		s[i] = _mm512_add_epi32(s[i], start[i]);
}

/* From a vector per word to a vector per block. */
INLINE void transpose(__m512i s[WORDS])
{
	__m512i a[WORDS], b[WORDS];

	for (unsigned i = 0; i < WORDS; i += 2) {
		a[i] = _mm512_unpacklo_epi32(s[i], s[i + 1]);
		a[i + 1] = _mm512_unpackhi_epi32(s[i], s[i + 1]);
	}
	/* b[4 * g + i], 128-bit lane l: words 4 * g to 4 * g + 3 of block 4 * l + i */
	for (unsigned i = 0; i < WORDS; i += 4) {
		b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
		b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
		b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
		b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
	}
	for (unsigned i = 0; i < 4; i++) {
		const __m512i even_low = _mm512_shuffle_i32x4(b[i], b[4 + i], 0x88);
		const __m512i even_high = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0x88);
		const __m512i odd_low = _mm512_shuffle_i32x4(b[i], b[4 + i], 0xdd);
		const __m512i odd_high = _mm512_shuffle_i32x4(b[8 + i], b[12 + i], 0xdd);

		s[i] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
		s[8 + i] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
		s[4 + i] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
		s[12 + i] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
	}
}

/* 64-bit numbers of eight packets to limbs. */
INLINE void to_limbs(__m512i limb[3], __m512i low, __m512i high)
{
	limb[0] = _mm512_and_si512(low, mask_44());
	limb[1] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(low, 44), _mm512_slli_epi64(high, 20),
					    mask_44(), 0xa8); /* (a | b) & c */
	limb[2] = _mm512_srli_epi64(high, 24);
}

INLINE __m512i join(__m512i low, __m512i high, unsigned half)
{
	const __m512i a = _mm512_cvtepu32_epi64(half ? _mm512_extracti64x4_epi64(low, 1)
						     : _mm512_castsi512_si256(low));
	const __m512i b = _mm512_cvtepu32_epi64(half ? _mm512_extracti64x4_epi64(high, 1)
						     : _mm512_castsi512_si256(high));

	return _mm512_or_si512(a, _mm512_slli_epi64(b, 32));
}

/* From the first words of the packets' blocks 0 (s2.6), one packet per lane. */
INLINE void prepare_poly_key(uint8_t (*key)[64], const __m512i s[WORDS], unsigned half)
{
	const __m512i low =
		_mm512_and_si512(join(s[0], s[1], half), _mm512_set1_epi64(0x0ffffffc0fffffff));
	const __m512i high =
		_mm512_and_si512(join(s[2], s[3], half), _mm512_set1_epi64(0x0ffffffc0ffffffc));
	__m512i r[3];

	to_limbs(r, low, high);
	for (unsigned i = 0; i < 3; i++)
		_mm512_store_si512(key[R0 + i], r[i]);
	for (unsigned i = 1; i < 3; i++)
		_mm512_store_si512(
			key[R1_20 + i - 1],
			_mm512_add_epi64(_mm512_slli_epi64(r[i], 4), _mm512_slli_epi64(r[i], 2)));
	_mm512_store_si512(key[S_LOW], join(s[4], s[5], half));
	_mm512_store_si512(key[S_HIGH], join(s[6], s[7], half));
}

/* The sum of three products, of which IFMA computes bits 0 to 51 and the rest separately. */
struct product {
	__m512i low, high;
};

INLINE struct product multiply(const __m512i h[3], __m512i a, __m512i b, __m512i c)
{
	const __m512i zero = _mm512_setzero_si512();
	struct product p = {zero, zero};

	p.low = _mm512_madd52lo_epu64(p.low, h[0], a);
	p.high = _mm512_madd52hi_epu64(p.high, h[0], a);
	p.low = _mm512_madd52lo_epu64(p.low, h[1], b);
	p.high = _mm512_madd52hi_epu64(p.high, h[1], b);
	p.low = _mm512_madd52lo_epu64(p.low, h[2], c);
	p.high = _mm512_madd52hi_epu64(p.high, h[2], c);
	return p;
}

INLINE __m512i times_5(__m512i x)
{
	return _mm512_add_epi64(x, _mm512_slli_epi64(x, 2));
}

/* h = (h + block) * r in the lanes of `active`. Of the result h[0] is below 2^44, h[2] below 2^42,
 * and h[1] below 2^44 + 2^10: what is added to the next block stays below 2^46. */
INLINE void add_block(struct poly *poly, __m512i low, __m512i high, __mmask8 active)
{
	const __m512i r0 = _mm512_load_si512(poly->key[R0]), r1 = _mm512_load_si512(poly->key[R1]);
	const __m512i r2 = _mm512_load_si512(poly->key[R2]);
	const __m512i r1_20 = _mm512_load_si512(poly->key[R1_20]);
	const __m512i r2_20 = _mm512_load_si512(poly->key[R2_20]);
	struct product d[3];
	__m512i h[3], carry;

	to_limbs(h, low, high);
	h[2] = _mm512_or_si512(h[2], _mm512_set1_epi64(1ll << 40)); /* 2^128 */
	for (unsigned i = 0; i < 3; i++)
		h[i] = _mm512_add_epi64(h[i], poly->h[i]);
	d[0] = multiply(h, r0, r2_20, r1_20);
	d[1] = multiply(h, r1, r0, r2_20);
	d[2] = multiply(h, r2, r1, r0);
	h[0] = _mm512_and_si512(d[0].low, mask_44());
	carry = _mm512_add_epi64(_mm512_srli_epi64(d[0].low, 44), _mm512_slli_epi64(d[0].high, 8));
	d[1].low = _mm512_add_epi64(d[1].low, carry);
	h[1] = _mm512_and_si512(d[1].low, mask_44());
	carry = _mm512_add_epi64(_mm512_srli_epi64(d[1].low, 44), _mm512_slli_epi64(d[1].high, 8));
	d[2].low = _mm512_add_epi64(d[2].low, carry);
	h[2] = _mm512_and_si512(d[2].low, mask_42());
	carry = _mm512_add_epi64(_mm512_srli_epi64(d[2].low, 42), _mm512_slli_epi64(d[2].high, 10));
	h[0] = _mm512_add_epi64(h[0], times_5(carry));
	h[1] = _mm512_add_epi64(h[1], _mm512_srli_epi64(h[0], 44));
	h[0] = _mm512_and_si512(h[0], mask_44());
	for (unsigned i = 0; i < 3; i++)
		poly->h[i] = _mm512_mask_mov_epi64(poly->h[i], active, h[i]);
}

/* Two 64-bit halves of sixteen bytes of each of eight packets. */
INLINE void split(__m512i *low, __m512i *high, const __m128i of[HALF])
{
	const __m512i even = four(of[0], of[2], of[4], of[6]);
	const __m512i odd = four(of[1], of[3], of[5], of[7]);

	*low = _mm512_unpacklo_epi64(even, odd);
	*high = _mm512_unpackhi_epi64(even, odd);
}

INLINE const struct eg_crypto_op *half_op(const struct group *g, unsigned half, unsigned i)
{
	return g->ops[packet_of(g, half * HALF + i)];
}

INLINE void add_lengths(const struct group *g, struct poly *poly, unsigned half)
{
	__m512i low, high;
	__m128i of[HALF];

	for (unsigned i = 0; i < HALF; i++) {
		const struct eg_crypto_op *op = half_op(g, half, i);

		of[i] = _mm_set_epi64x(op->text_len, op->aad_len);
	}
	split(&low, &high, of);
	add_block(poly, low, high, 0xff);
}

INLINE void begin_poly(const struct group *g, struct poly *poly, unsigned half)
{
	__m512i low, high, aad_len, text_len;
	__m128i of[HALF], lengths[HALF];

	for (unsigned i = 0; i < HALF; i++) {
		const struct eg_crypto_op *op = half_op(g, half, i);

		of[i] = _mm_maskz_loadu_epi8((__mmask16)_bzhi_u32(0xffff, op->aad_len), op->aad);
		lengths[i] = _mm_set_epi64x(op->text_len, op->aad_len);
	}
	split(&aad_len, &text_len, lengths);
	split(&low, &high, of);
	poly->key = g->scratch->poly[half];
	poly->blocks = _mm512_srli_epi64(_mm512_add_epi64(text_len, _mm512_set1_epi64(15)), 4);
	for (unsigned i = 0; i < 3; i++)
		poly->h[i] = _mm512_setzero_si512();
	add_block(poly, low, high, _mm512_test_epi64_mask(aad_len, aad_len));
}

/* 64 bytes of each of eight packets to eight vectors of 64 bits per packet. */
INLINE void load_row(__m512i out[HALF], const struct group *g, unsigned first)
{
	__m512i row[HALF], pair[HALF], quad[HALF];

	for (unsigned i = 0; i < HALF; i++)
		row[i] = _mm512_load_si512(g->scratch->cipher[(first + i) % (2 * LANES)]);
	for (unsigned i = 0; i < HALF; i += 2) {
		pair[i] = _mm512_unpacklo_epi64(row[i], row[i + 1]);
		pair[i + 1] = _mm512_unpackhi_epi64(row[i], row[i + 1]);
	}
	/* pair[2 * i + k], 128-bit lane l: word 2 * l + k of packets 2 * i and 2 * i + 1 */
	for (unsigned k = 0; k < 2; k++) {
		quad[k] = _mm512_shuffle_i64x2(pair[k], pair[2 + k], 0x88);
		quad[2 + k] = _mm512_shuffle_i64x2(pair[k], pair[2 + k], 0xdd);
		quad[4 + k] = _mm512_shuffle_i64x2(pair[4 + k], pair[6 + k], 0x88);
		quad[6 + k] = _mm512_shuffle_i64x2(pair[4 + k], pair[6 + k], 0xdd);
		out[k] = _mm512_shuffle_i64x2(quad[k], quad[4 + k], 0x88);
		out[4 + k] = _mm512_shuffle_i64x2(quad[k], quad[4 + k], 0xdd);
		out[2 + k] = _mm512_shuffle_i64x2(quad[2 + k], quad[6 + k], 0x88);
		out[6 + k] = _mm512_shuffle_i64x2(quad[2 + k], quad[6 + k], 0xdd);
	}
}

/* A block of ciphertext of each packet that has one: four blocks of Poly1305. */
INLINE void add_row(const struct group *g, struct poly poly[2], const struct row *row)
{
	const unsigned halves = row->n > HALF ? 2 : 1;
	__m512i word[2][HALF];

	for (unsigned half = 0; half < halves; half++)
		load_row(word[half], g, row->first + half * HALF);
	for (unsigned i = 0; i < 4; i++) {
		const __m512i block = _mm512_set1_epi64(4 * row->index + i);

		for (unsigned half = 0; half < halves; half++)
			add_block(&poly[half], word[half][2 * i], word[half][2 * i + 1],
				  _mm512_cmpgt_epu64_mask(poly[half].blocks, block));
	}
}

/* Cipher block number `at`, and keep the ciphertext for Poly1305, padded with zeros (s2.8). */
INLINE void cipher_block(const struct group *g, unsigned at, __m512i stream)
{
	const struct eg_crypto_op *op = g->ops[g->scratch->lane[at]];
	const unsigned offset = 64u * (g->scratch->counter[at] - 1u);
	const unsigned bytes = op->text_len - offset;
	const __mmask64 mask = _bzhi_u64(UINT64_MAX, bytes < 64 ? bytes : 64);
	uint8_t *text = op->text + offset;
	const __m512i in = _mm512_maskz_loadu_epi8(mask, text);
	const __m512i out = _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(in, stream));

	_mm512_mask_storeu_epi8(text, mask, out);
	_mm512_store_si512(g->scratch->cipher[at % (2 * LANES)], g->seal ? out : in);
}

INLINE void cipher_blocks(const struct group *g, unsigned at, unsigned total, __m512i s[WORDS])
{
	transpose(s);
	for (unsigned i = 0; i < LANES; i++) {
		if (at + i >= g->n && at + i < total)
			cipher_block(g, at + i, s[i]);
	}
}

/* h modulo 2^130 - 5, plus s modulo 2^128 (s2.5). */
INLINE void finish_poly(struct poly *poly, __m512i *low, __m512i *high)
{
	const __m512i s_low = _mm512_load_si512(poly->key[S_LOW]);
	const __m512i s_high = _mm512_load_si512(poly->key[S_HIGH]);
	__m512i *h = poly->h, g[3];
	__mmask8 smaller, carry;

	/* Only h[1] may be longer than its limb, and only a little: one pass is enough. */
	h[2] = _mm512_add_epi64(h[2], _mm512_srli_epi64(h[1], 44));
	h[1] = _mm512_and_si512(h[1], mask_44());
	h[0] = _mm512_add_epi64(h[0], times_5(_mm512_srli_epi64(h[2], 42)));
	h[2] = _mm512_and_si512(h[2], mask_42());
	h[1] = _mm512_add_epi64(h[1], _mm512_srli_epi64(h[0], 44));
	h[0] = _mm512_and_si512(h[0], mask_44());
	/* g = h + 5 - 2^130 is not negative if h >= 2^130 - 5. */
	g[0] = _mm512_add_epi64(h[0], _mm512_set1_epi64(5));
	g[1] = _mm512_add_epi64(h[1], _mm512_srli_epi64(g[0], 44));
	g[2] = _mm512_add_epi64(h[2], _mm512_srli_epi64(g[1], 44));
	g[2] = _mm512_sub_epi64(g[2], _mm512_set1_epi64(1ll << 42));
	smaller = _mm512_movepi64_mask(g[2]);
	h[0] = _mm512_mask_mov_epi64(_mm512_and_si512(g[0], mask_44()), smaller, h[0]);
	h[1] = _mm512_mask_mov_epi64(_mm512_and_si512(g[1], mask_44()), smaller, h[1]);
	h[2] = _mm512_mask_mov_epi64(g[2], smaller, h[2]);
	*low = _mm512_or_si512(h[0], _mm512_slli_epi64(h[1], 44));
	*high = _mm512_or_si512(_mm512_srli_epi64(h[1], 20), _mm512_slli_epi64(h[2], 24));
	*low = _mm512_add_epi64(*low, s_low);
	carry = _mm512_cmplt_epu64_mask(*low, s_low);
	*high = _mm512_add_epi64(*high, s_high);
	*high = _mm512_mask_add_epi64(*high, carry, *high, _mm512_set1_epi64(1));
}

/* Tags to scratch memory, in the packets' order. */
INLINE void store_tags(const struct group *g, struct poly *poly, unsigned half)
{
	__m128i *tag = (__m128i *)g->scratch->cipher[0] + half * HALF;
	__m512i low, high, even, odd;

	finish_poly(poly, &low, &high);
	even = _mm512_unpacklo_epi64(low, high);
	odd = _mm512_unpackhi_epi64(low, high);
	_mm_store_si128(tag + 0, _mm512_castsi512_si128(even));
	_mm_store_si128(tag + 1, _mm512_castsi512_si128(odd));
	_mm_store_si128(tag + 2, _mm512_extracti32x4_epi32(even, 1));
	_mm_store_si128(tag + 3, _mm512_extracti32x4_epi32(odd, 1));
	_mm_store_si128(tag + 4, _mm512_extracti32x4_epi32(even, 2));
	_mm_store_si128(tag + 5, _mm512_extracti32x4_epi32(odd, 2));
	_mm_store_si128(tag + 6, _mm512_extracti32x4_epi32(even, 3));
	_mm_store_si128(tag + 7, _mm512_extracti32x4_epi32(odd, 3));
}

INLINE void finish(const struct group *g)
{
	const __m128i *tag = (const __m128i *)g->scratch->cipher[0];

	for (unsigned i = 0; i < g->n; i++) {
		struct eg_crypto_op *op = g->ops[i];

		if (g->seal) {
			op->ok = true;
			_mm_storeu_si128((void *)op->icv, tag[i]);
			continue;
		}
		/* All bytes at once: how many of them agree does not show in the time. */
		op->ok = !_mm_cmpneq_epi8_mask(load(op->icv), tag[i]);
		if (!op->ok) /* what is not authentic does not stay readable */
			memset(op->text, 0, op->text_len);
	}
}

INLINE void run(const struct group *g, const struct eg_chacha16_key *const keys[])
{
	const unsigned halves = g->n > HALF ? 2 : 1;
	struct row row = first_row(g);
	struct poly poly[2];
	unsigned total;
	__m512i s[WORDS];

	prepare_words(g, keys);
	total = plan(g);
	keystream(s, g->scratch, 0);
	for (unsigned half = 0; half < halves; half++) {
		prepare_poly_key(g->scratch->poly[half], s, half);
		begin_poly(g, &poly[half], half);
	}
	if (g->n < LANES)
		cipher_blocks(g, 0, total, s);
	for (unsigned at = LANES;; at += LANES) {
		for (; row.n && row.first + row.n <= at; next_row(g, &row))
			add_row(g, poly, &row);
		if (at >= total)
			break;
		keystream(s, g->scratch, at);
		cipher_blocks(g, at, total, s);
	}
	for (unsigned half = 0; half < halves; half++) {
		add_lengths(g, &poly[half], half);
		store_tags(g, &poly[half], half);
	}
	finish(g);
}

void eg_chacha16_seal(struct eg_crypto_op *const ops[], const struct eg_chacha16_key *const keys[],
		      unsigned n, struct eg_chacha16_scratch *scratch)
{
	run(&(struct group){ops, n, true, scratch}, keys);
}

void eg_chacha16_open(struct eg_crypto_op *const ops[], const struct eg_chacha16_key *const keys[],
		      unsigned n, struct eg_chacha16_scratch *scratch)
{
	run(&(struct group){ops, n, false, scratch}, keys);
}
