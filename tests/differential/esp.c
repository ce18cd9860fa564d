#include "esp.h"

#include "net/bytes.h"
#include "require.h"

#define SLOTS 4096

struct known {
	uint32_t spi; /* 0: free */
	const struct eg_suite *suite;
	bool esn;
	struct eg_crypto_key *key;
	uint64_t next;
};

struct esp_end {
	struct eg_keystore *keys;
	struct eg_crypto *crypto;
	struct known slot[SLOTS];
};

struct esp_end *esp_open_end(void)
{
	struct esp_end *end = calloc(1, sizeof(*end));

	require(end, "memory");
	end->keys = eg_keystore_new();
	end->crypto = eg_crypto_new();
	require(end->keys && end->crypto, "crypto");
	return end;
}

void esp_close_end(struct esp_end *end)
{
	eg_keystore_free(end->keys);
	eg_crypto_free(end->crypto);
	free(end);
}

static struct known *find(struct esp_end *end, uint32_t spi)
{
	for (unsigned at = (unsigned)(spi * 2654435761u) % SLOTS;; at = (at + 1) % SLOTS) {
		if (!end->slot[at].spi || end->slot[at].spi == spi)
			return &end->slot[at];
	}
}

const struct eg_suite *esp_learn(struct esp_end *end, uint32_t spi, const struct eg_suite *suite,
				 bool esn)
{
	struct known *known = find(end, spi);
	uint8_t material[EG_SUITE_KEY_MAX];

	if (!known->spi) {
		world_material(spi, material);
		*known = (struct known){spi, suite, esn,
					eg_crypto_key_new(end->keys, suite, material), 1};
		require(known->key, "a key");
	}
	return known->suite;
}

uint64_t *esp_next(struct esp_end *end, uint32_t spi)
{
	return &find(end, spi)->next;
}

static void fill(const struct known *known, uint8_t *esp, uint64_t seq, unsigned text_len,
		 struct esp_work *work)
{
	const struct eg_suite *suite = known->suite;
	uint8_t *text = esp + 8 + suite->iv_bytes;

	/* Behind the at most 12 authenticated bytes: the implicit IV (RFC 8750 s4). */
	eg_put64(work->aad + 12, known->esn ? seq : (uint32_t)seq);
	eg_put32(work->aad, known->spi);
	if (known->esn)
		eg_put64(work->aad + 4, seq);
	else
		eg_put32(work->aad + 4, (uint32_t)seq);
	work->op = (struct eg_crypto_op){
		.key = known->key,
		.text = text,
		.aad = work->aad,
		.iv = suite->iv == EG_IV_SEQ ? work->aad + 12 : esp + 8,
		.icv = text + text_len,
		.text_len = text_len,
		.aad_len = known->esn ? 12 : 8,
	};
}

unsigned esp_wrap(struct esp_end *end, struct frame *frame, unsigned at, uint32_t spi, uint64_t seq,
		  const uint8_t *inner, unsigned n, uint8_t next, struct esp_work *work)
{
	const struct known *known = find(end, spi);
	const struct eg_suite *suite = known->suite;
	unsigned padding = 0, text_len;
	uint8_t *esp = frame->bytes + at, *text = esp + 8 + suite->iv_bytes;

	while ((n + padding + 2) % suite->align_bytes)
		padding++;
	text_len = n + padding + 2;
	require(at + 8 + suite->iv_bytes + text_len + suite->icv_bytes <= FRAME_MAX,
		"a frame's length");
	eg_put32(esp, spi);
	eg_put32(esp + 4, (uint32_t)seq);
	for (unsigned i = 0; i < suite->iv_bytes; i++)
		esp[8 + i] = (uint8_t)(seq * 1000003 >> (suite->iv_bytes - 1 - i) % 8 * 8);
	memcpy(text, inner, n);
	for (unsigned i = 0; i < padding; i++)
		text[n + i] = (uint8_t)(i + 1);
	text[text_len - 2] = (uint8_t)padding;
	text[text_len - 1] = next;
	fill(known, esp, seq, text_len, work);
	return 8 + suite->iv_bytes + text_len + suite->icv_bytes;
}

void esp_seal(struct esp_end *end, struct esp_work *work, unsigned n)
{
	struct eg_crypto_op ops[EG_CRYPTO_BURST];

	for (unsigned i = 0; i < n; i++)
		ops[i] = work[i].op;
	eg_crypto_seal(end->crypto, ops, n);
}

bool esp_unwrap(struct esp_end *end, uint8_t *esp, unsigned n, struct esp_work *work)
{
	const struct known *known = n < 8 ? NULL : find(end, eg_get32(esp));
	unsigned around;

	if (!known || !known->spi)
		return false;
	around = 8u + known->suite->iv_bytes + known->suite->icv_bytes;
	if (n < around + 2 || (n - around) % known->suite->align_bytes)
		return false;
	/* The gateways start at 1, so the high half is 0. */
	fill(known, esp, eg_get32(esp + 4), n - around, work);
	return true;
}

bool esp_open(struct esp_end *end, struct esp_work *work, unsigned n)
{
	struct eg_crypto_op ops[EG_CRYPTO_BURST];
	bool ok = true;

	for (unsigned from = 0; from < n; from += EG_CRYPTO_BURST) {
		unsigned part = n - from < EG_CRYPTO_BURST ? n - from : EG_CRYPTO_BURST;

		for (unsigned i = 0; i < part; i++)
			ops[i] = work[from + i].op;
		eg_crypto_open(end->crypto, ops, part);
		for (unsigned i = 0; i < part; i++)
			ok &= ops[i].ok;
	}
	return ok;
}
