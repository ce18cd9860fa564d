/* HMAC against its published vectors, through suites without encryption: the vector's data takes
 * the place of ESP header and text. Keys shorter than RFC 4868's are padded with zeros, as HMAC
 * itself does (RFC 2104 s2). */
#include "crypto/crypto_tests.h"

#include "common/hex.h"

#define HEADER 8

struct answer {
	const char *source, *suite;
	const char *key, *data, *icv; /* hex */
};

#define HI   "4869205468657265"
#define WANT "7768617420646f2079612077616e7420666f72206e6f7468696e673f"
#define DD                                                                                         \
	"dddddddddddddddddddddddddddddddddddddddddddddddddd"                                       \
	"dddddddddddddddddddddddddddddddddddddddddddddddddd"
#define CD                                                                                         \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"                                       \
	"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define CUT        "546573742057697468205472756e636174696f6e"
#define K0B        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define K0C        "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
#define KAA        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define JEFE       "4a656665"
#define K25        "0102030405060708090a0b0c0d0e0f10111213141516171819"
#define K32        "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define K64        K32 "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"
#define FOUR(x)    x x x x
#define EIGHT(x)   FOUR(x) FOUR(x)
#define SIXTEEN(x) EIGHT(x) EIGHT(x)
static const struct answer answers[] = {
	{"RFC 2202 s3, case 1", "null-sha1", K0B, HI, "b617318655057264e28bc0b6"},
	{"RFC 2202 s3, case 2", "null-sha1", JEFE, WANT, "effcdf6ae5eb2fa2d27416d5"},
	{"RFC 2202 s3, case 3", "null-sha1", KAA, DD, "125d7342b9ac11cd91a39af4"},
	{"RFC 2202 s3, case 5", "null-sha1", K0C, CUT, "4c1a03424b55e07fe7f27be1"},
	{"RFC 4231 s4, case 1", "null-sha256", K0B, HI, "b0344c61d8db38535ca8afceaf0bf12b"},
	{"RFC 4231 s4, case 2", "null-sha256", JEFE, WANT, "5bdcc146bf60754e6a042426089575c7"},
	{"RFC 4231 s4, case 3", "null-sha256", KAA, DD, "773ea91e36800e46854db8ebd09181a7"},
	{"RFC 4231 s4, case 4", "null-sha256", K25, CD, "82558a389a443c0ea4cc819899f2083a"},
	{"RFC 4231 s4, case 5", "null-sha256", K0C, CUT, "a3b6167473100ee06e0c796c2955552b"},
	{"RFC 4231 s4, case 1", "null-sha384", K0B, HI,
	 "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6"},
	{"RFC 4231 s4, case 2", "null-sha384", JEFE, WANT,
	 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47"},
	{"RFC 4231 s4, case 3", "null-sha384", KAA, DD,
	 "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9feb"},
	{"RFC 4231 s4, case 4", "null-sha384", K25, CD,
	 "3e8a69b7783c25851933ab6290af6ca77a9981480850009c"},
	{"RFC 4231 s4, case 5", "null-sha384", K0C, CUT,
	 "3abf34c3503b2a23a46efc619baef897f4c8e42c934ce55c"},
	{"RFC 4231 s4, case 1", "null-sha512", K0B, HI,
	 "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"},
	{"RFC 4231 s4, case 2", "null-sha512", JEFE, WANT,
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"},
	{"RFC 4231 s4, case 3", "null-sha512", KAA, DD,
	 "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"},
	{"RFC 4231 s4, case 4", "null-sha512", K25, CD,
	 "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"},
	{"RFC 4231 s4, case 5", "null-sha512", K0C, CUT,
	 "415fad6271580a531d4179bc891d87a650188707922a4fbb36663a1eb16da008"},
	{"RFC 4868 s2.7.2, AUTH256-1", "null-sha256", EIGHT("0b0b0b0b"), HI,
	 "198a607eb44bfbc69903a0f1cf2bbdc5"},
	{"RFC 4868 s2.7.2, AUTH256-2", "null-sha256", EIGHT(JEFE), WANT,
	 "167f928588c5cc2eef8e3093caa0e87c"},
	{"RFC 4868 s2.7.2, AUTH256-3", "null-sha256", EIGHT("aaaaaaaa"), DD,
	 "cdcb1220d1ecccea91e53aba3092f962"},
	{"RFC 4868 s2.7.2, AUTH256-4", "null-sha256", K32, CD, "372efcf9b40b35c2115b1346903d2ef4"},
	{"RFC 4868 s2.7.2, AUTH384-1", "null-sha384", EIGHT("0b0b0b0b") FOUR("0b0b0b0b"), HI,
	 "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973"},
	{"RFC 4868 s2.7.2, AUTH384-2", "null-sha384", EIGHT(JEFE) FOUR(JEFE), WANT,
	 "2c7353974f1842fd66d53c452ca42122b28c0b594cfb184d"},
	{"RFC 4868 s2.7.2, AUTH384-3", "null-sha384", EIGHT("aaaaaaaa") FOUR("aaaaaaaa"), DD,
	 "809f439be00274321d4a538652164b53554a508184a0c316"},
	{"RFC 4868 s2.7.2, AUTH384-4", "null-sha384", K32 "0a0b0c0d0e0f10111213141516171819", CD,
	 "5b540085c6e6358096532b2493609ed1cb298f774f87bb5c"},
	{"RFC 4868 s2.7.2, AUTH512-1", "null-sha512", SIXTEEN("0b0b0b0b"), HI,
	 "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8"},
	{"RFC 4868 s2.7.2, AUTH512-2", "null-sha512", SIXTEEN(JEFE), WANT,
	 "cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b15454"},
	{"RFC 4868 s2.7.2, AUTH512-3", "null-sha512", SIXTEEN("aaaaaaaa"), DD,
	 "2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8"},
	{"RFC 4868 s2.7.2, AUTH512-4", "null-sha512", K64, CD,
	 "5e6688e5a3daec826ca32eaea224eff5e700628947470e13ad01302561bab108"},
};

static void check_answer(const struct answer *a, struct eg_crypto *crypto,
			 struct eg_keystore *store)
{
	uint8_t material[EG_SUITE_KEY_MAX] = {0}, packet[128], icv[EG_SUITE_ICV_MAX];
	const struct eg_suite *suite = eg_suite_find(a->suite);
	size_t n = hex_bytes(a->data, packet, sizeof(packet) - sizeof(icv));
	struct eg_crypto_op op = {
		.text = packet + HEADER,
		.aad = packet,
		.iv = packet + HEADER,
		.icv = packet + n,
		.text_len = (uint32_t)(n - HEADER),
		.aad_len = HEADER,
	};

	assert_in_range(hex_bytes(a->key, material, sizeof(material)), 1, suite->auth_key_bytes);
	assert_int_equal(hex_bytes(a->icv, icv, sizeof(icv)), suite->icv_bytes);
	op.key = eg_crypto_key_new(store, suite, material);
	eg_crypto_seal(crypto, &op, 1);
	if (!op.ok || memcmp(op.icv, icv, suite->icv_bytes))
		fail_msg("%s: another ICV", a->source);
	eg_crypto_open(crypto, &op, 1);
	assert_true(op.ok);
	op.icv[suite->icv_bytes - 1] ^= 1;
	eg_crypto_open(crypto, &op, 1);
	assert_false(op.ok);
}

static void test_answers(void **state)
{
	struct eg_keystore *store = eg_keystore_new();
	struct eg_crypto *crypto = eg_crypto_new();

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++)
		check_answer(&answers[i], crypto, store);
	print_message("%zu published HMACs\n", COUNT(answers));
	eg_crypto_free(crypto);
	eg_keystore_free(store);
}

int run_hmac_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("crypto HMAC", tests, NULL, NULL);
}
