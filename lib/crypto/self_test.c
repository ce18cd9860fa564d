/* Power-on self-test: every suite seals one packet, checked against known answers. The library's
 * own test covers its algorithms; this one also covers how we call it: nonces, counters, order,
 * lengths, and the layout of the packet that is hashed. */
#include "crypto/self_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/crypto.h"
#include "crypto/job.h"

#define TEXT_BYTES 32

/* The packet: see tests/vectors/known_answers.py. */
struct packet {
	uint8_t bytes[EG_ESP_HEADER + EG_SUITE_IV_MAX + TEXT_BYTES + EG_SUITE_ICV_MAX];
	uint8_t want[TEXT_BYTES + EG_SUITE_ICV_MAX];
	const struct eg_suite *suite;
	const char *failed; /* first failure */
};

struct fixture {
	struct eg_keystore *store;
	struct eg_crypto *crypto;
	struct packet packets[EG_SUITE_COUNT];
	struct eg_crypto_op ops[EG_SUITE_COUNT];
};

_Static_assert(EG_SUITE_COUNT <= EG_CRYPTO_BURST, "all suites make one burst");

static void fail(struct packet *packet, const char *what)
{
	if (!packet->failed)
		packet->failed = what;
}

static const char *find_answer(const struct eg_known_answer *answers, const struct eg_suite *suite)
{
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		if (!strcmp(answers[i].suite, suite->name))
			return answers[i].sealed;
	}
	return NULL;
}

/* Our own table: digits are lower case. */
static bool read_hex(const char *hex, uint8_t *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(hex) != 2 * n)
		return false;
	for (size_t i = 0; i < 2 * n; i++) {
		const char *digit = strchr(digits, hex[i]);

		if (!digit)
			return false;
		out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit - digits));
	}
	return true;
}

static void write_text(uint8_t *text)
{
	for (unsigned i = 0; i < TEXT_BYTES; i++)
		text[i] = (uint8_t)(0x10 + i);
}

static bool text_matches(const uint8_t *text)
{
	uint8_t want[TEXT_BYTES];

	write_text(want);
	return !memcmp(text, want, sizeof(want));
}

static bool make_op(struct fixture *fixture, unsigned i)
{
	static const uint8_t header[EG_ESP_HEADER] = {1, 2, 3, 4, 0, 0, 0, 5};
	static const uint8_t implicit[8] = {0, 0, 0, 0, 0, 0, 0, 5};
	struct packet *packet = &fixture->packets[i];
	uint8_t material[EG_SUITE_KEY_MAX], *iv = packet->bytes + EG_ESP_HEADER;
	struct eg_crypto_op *op = &fixture->ops[i];

	for (unsigned k = 0; k < sizeof(material); k++)
		material[k] = (uint8_t)(k * 7 + 1);
	memcpy(packet->bytes, header, sizeof(header));
	for (unsigned k = 0; k < packet->suite->iv_bytes; k++)
		iv[k] = (uint8_t)(0xa0 + k);
	*op = (struct eg_crypto_op){
		.key = eg_crypto_key_new(fixture->store, packet->suite, material),
		.text = iv + packet->suite->iv_bytes,
		.aad = packet->bytes,
		.iv = packet->suite->iv == EG_IV_SEQ ? implicit : iv,
		.text_len = TEXT_BYTES,
		.aad_len = EG_ESP_HEADER,
	};
	op->icv = op->text + TEXT_BYTES;
	return op->key;
}

static void check_sealed(struct packet *packet, const struct eg_crypto_op *op)
{
	if (!op->ok || memcmp(op->text, packet->want, TEXT_BYTES + packet->suite->icv_bytes))
		fail(packet, "sealed wrongly");
}

static void check_opened(struct packet *packet, const struct eg_crypto_op *op)
{
	if (!op->ok || !text_matches(op->text))
		fail(packet, "opened wrongly");
}

static void check_refused(struct packet *packet, const struct eg_crypto_op *op)
{
	if (op->ok || text_matches(op->text))
		fail(packet, "accepted a packet with a wrong ICV");
}

static void run(struct fixture *fixture)
{
	struct packet *packets = fixture->packets;
	struct eg_crypto_op *ops = fixture->ops;

	for (unsigned i = 0; i < EG_SUITE_COUNT; i++)
		write_text(ops[i].text);
	eg_crypto_seal(fixture->crypto, ops, EG_SUITE_COUNT);
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		check_sealed(&packets[i], &ops[i]);
		memcpy(ops[i].text, packets[i].want, TEXT_BYTES + packets[i].suite->icv_bytes);
	}
	eg_crypto_open(fixture->crypto, ops, EG_SUITE_COUNT);
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		check_opened(&packets[i], &ops[i]);
		memcpy(ops[i].text, packets[i].want, TEXT_BYTES + packets[i].suite->icv_bytes);
		ops[i].icv[packets[i].suite->icv_bytes - 1] ^= 1;
	}
	eg_crypto_open(fixture->crypto, ops, EG_SUITE_COUNT);
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++)
		check_refused(&packets[i], &ops[i]);
}

static bool prepare(struct fixture *fixture, const struct eg_known_answer *answers)
{
	fixture->store = eg_keystore_new();
	fixture->crypto = eg_crypto_new();
	if (!fixture->store || !fixture->crypto)
		return false;
	for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
		struct packet *packet = &fixture->packets[i];
		const char *sealed = find_answer(answers, &eg_suites[i]);

		packet->suite = &eg_suites[i];
		if (!sealed ||
		    !read_hex(sealed, packet->want, TEXT_BYTES + packet->suite->icv_bytes))
			fail(packet, "has no known answer");
		if (!make_op(fixture, i))
			return false;
	}
	return true;
}

int eg_crypto_check_answers(const struct eg_known_answer answers[EG_SUITE_COUNT],
			    struct eg_errs *errs)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	size_t before = errs->n_errors;

	if (fixture && prepare(fixture, answers)) {
		/* AES-GCM and ChaCha20-Poly1305 with both engines. With several packets at a time,
		 * suites of the same key length share the lanes. */
		eg_crypto_set_multi_packet(fixture->crypto, eg_multi_packet_up_to(0));
		run(fixture);
		eg_crypto_set_multi_packet(fixture->crypto, eg_multi_packet_up_to(TEXT_BYTES));
		run(fixture);
		for (unsigned i = 0; i < EG_SUITE_COUNT; i++) {
			if (fixture->packets[i].failed)
				eg_error(errs, NULL, "self-test", "%s: %s (%s)", eg_suites[i].name,
					 fixture->packets[i].failed, eg_crypto_version());
		}
	} else {
		eg_error(errs, NULL, "self-test",
			 "cannot start: out of memory, or a CPU that IPsec-MB does not support");
	}
	if (fixture) {
		eg_crypto_free(fixture->crypto);
		eg_keystore_free(fixture->store);
	}
	free(fixture);
	return errs->n_errors == before ? 0 : -1;
}

/* The library's own self-test runs during its initialization. */
static int check_library(struct eg_errs *errs)
{
	IMB_MGR *mgr = alloc_mb_mgr(0);
	int ret = -1;

	if (!mgr) {
		eg_error(errs, NULL, "ipsec-mb", "out of memory");
		return -1;
	}
	init_mb_mgr_auto(mgr, NULL);
	if (imb_get_errno(mgr))
		eg_error(errs, NULL, "ipsec-mb", "%s", imb_get_strerror(imb_get_errno(mgr)));
	else if (!(mgr->features & IMB_FEATURE_SELF_TEST_PASS))
		eg_error(errs, NULL, "ipsec-mb", "self-test of %s failed: it must not be used",
			 eg_crypto_version());
	else
		ret = 0;
	free_mb_mgr(mgr);
	return ret;
}

int eg_crypto_self_test(struct eg_errs *errs)
{
	return check_library(errs) ? -1 : eg_crypto_check_answers(eg_known_answers, errs);
}
