#include "base/suite.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* clang-format off */

/* Initializers in member order, one suite per line. Every AEAD has an 8-byte IV and only ESP's own
 * alignment of 4. */
#define AEAD(icv, cipher, key, salt) EG_AUTH_AEAD, 0, icv, cipher, key, salt, EG_IV_CLOCK, 8, 4

#define GCM(bits, icv) {"aes" #bits "gcm" #icv, AEAD(icv, EG_CIPHER_AES_GCM, bits / 8, 4)}
#define CCM(bits, icv) {"aes" #bits "ccm" #icv, AEAD(icv, EG_CIPHER_AES_CCM, bits / 8, 3)}
#define GMAC(bits)     {"aes" #bits "gmac", AEAD(16, EG_CIPHER_AES_GMAC, bits / 8, 4)}

/* Implicit IV (RFC 8750): IANA's ENCR_AES_GCM_16_IIV and ENCR_CHACHA20_POLY1305_IIV. */
#define IIV(name, cipher, key) {name "-iiv", EG_AUTH_AEAD, 0, 16, cipher, key, 4, EG_IV_SEQ, 0, 4}

/* A cipher with each HMAC. RFC 4868 s2.1.1, s2.3: the key is as long as the hash output, the ICV is
 * half of it; RFC 2404 s2, s3: 20 and 12 bytes. */
#define WITH_HMAC(text, ...)                                       \
	{text "-sha256", EG_AUTH_SHA256_128, 32, 16, __VA_ARGS__}, \
	{text "-sha384", EG_AUTH_SHA384_192, 48, 24, __VA_ARGS__}, \
	{text "-sha512", EG_AUTH_SHA512_256, 64, 32, __VA_ARGS__}, \
	{text "-sha1", EG_AUTH_SHA1_96, 20, 12, __VA_ARGS__}

#define CBC(bits) WITH_HMAC("aes" #bits, EG_CIPHER_AES_CBC, bits / 8, 0, EG_IV_RANDOM, 16, 16)
#define CTR(bits) WITH_HMAC("aes" #bits "ctr", EG_CIPHER_AES_CTR, bits / 8, 4, EG_IV_CLOCK, 8, 4)

/* Among similar suites the recommended one comes first: eg_suite_suggest() takes the first match.
 * AES-CCM with 192-bit keys (RFC 8221 s5: MAY) is missing because IPsec-MB does not support it. */
const struct eg_suite eg_suites[EG_SUITE_COUNT] = {
	GCM(128, 16), GCM(192, 16), GCM(256, 16),
	GCM(128, 12), GCM(192, 12), GCM(256, 12),
	GCM(128, 8), GCM(192, 8), GCM(256, 8),
	GMAC(128), GMAC(192), GMAC(256),
	CCM(128, 16), CCM(256, 16),
	CCM(128, 12), CCM(256, 12),
	CCM(128, 8), CCM(256, 8),
	{"chacha20poly1305", AEAD(16, EG_CIPHER_CHACHA20, 32, 4)},
	IIV("aes128gcm16", EG_CIPHER_AES_GCM, 16), IIV("aes256gcm16", EG_CIPHER_AES_GCM, 32),
	IIV("chacha20poly1305", EG_CIPHER_CHACHA20, 32),
	CBC(128), CBC(192), CBC(256),
	CTR(128), CTR(192), CTR(256),
	WITH_HMAC("null", EG_CIPHER_NULL, 0, 0, EG_IV_NONE, 0, 4),
};

/* clang-format on */

const struct eg_suite *eg_suite_find(const char *name)
{
	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		if (!strcmp(eg_suites[i].name, name))
			return &eg_suites[i];
	}
	return NULL;
}

/* Suites known elsewhere but refused here, as fnmatch(3) patterns; the first match gives the
 * reason. */
static const struct {
	const char *pattern, *reason;
} refusals[] = {
	{"*md5*", "HMAC-MD5 is broken (RFC 8221 s6: MUST NOT)"},
	{"3des*",
	 "3DES has 64-bit blocks, which collide after a few GiB (RFC 8221 s5: SHOULD NOT)"},
	{"des*", "DES has 56-bit keys (RFC 8221 s5: MUST NOT)"},
	{"blowfish*", "Blowfish has 64-bit blocks (RFC 8221 s5: MUST NOT)"},
	{"*idea*", "IDEA has 64-bit blocks (RFC 8221 s5: MUST NOT)"},
	{"cast*", "CAST has 64-bit blocks (not listed in RFC 8221 s5)"},
	{"null", "neither encryption nor authentication (RFC 8221 s4, RFC 4303 s3.2: MUST NOT)"},
	{"none", "neither encryption nor authentication (RFC 8221 s4, RFC 4303 s3.2: MUST NOT)"},
	{"null-none",
	 "neither encryption nor authentication (RFC 8221 s4, RFC 4303 s3.2: MUST NOT)"},
	{"*-none", "encryption without authentication (RFC 8221 s4: MUST NOT)"},
	{"aes", "encryption without authentication (RFC 8221 s4: MUST NOT)"},
	{"aes???", "encryption without authentication (RFC 8221 s4: MUST NOT)"},
	{"aes???ctr", "encryption without authentication (RFC 8221 s4: MUST NOT)"},
	{"chacha20", "encryption without authentication (RFC 8221 s4: MUST NOT)"},
	{"aes???gcm*-*", "an AEAD authenticates by itself (RFC 8221 s4): use its name alone"},
	{"aes???ccm*-*", "an AEAD authenticates by itself (RFC 8221 s4): use its name alone"},
	{"chacha20poly1305-*", "an AEAD authenticates by itself (RFC 8221 s4): use its name alone"},
	{"aes???gmac*-*", "an AEAD authenticates by itself (RFC 8221 s4): use its name alone"},
	{"aes???gmac?*", "the ICV of AES-GMAC is never truncated (RFC 4543 s3.4)"},
	{"aes192ccm*", "IPsec-MB does not support AES-CCM with 192-bit keys (RFC 8221 s5: MAY)"},
	{"*-sha256_96", "HMAC-SHA2-256 is truncated to 128 bits (RFC 4868 s2.3), never to 96"},
	{"*xcbc", "AES-XCBC is not supported (RFC 8221 s6: MAY outside of IoT)"},
	{"*cmac", "AES-CMAC is not supported (not listed in RFC 8221 s6)"},
};

const char *eg_suite_refused(const char *name)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		if (!fnmatch(refusals[i].pattern, name, FNM_CASEFOLD))
			return refusals[i].reason;
	}
	return NULL;
}

/* Advance *at to the next run of letters or of digits and return its length; 0 at the end. */
static size_t next_token(const char **at)
{
	const char *end;

	while (**at && !isalnum((unsigned char)**at))
		(*at)++;
	for (end = *at; isalnum((unsigned char)*end); end++) {
		if (!isdigit((unsigned char)*end) != !isdigit((unsigned char)**at))
			break;
	}
	return (size_t)(end - *at);
}

static bool has_token(const char *name, const char *token, size_t len)
{
	size_t n;

	for (; (n = next_token(&name)); name += n) {
		if (n == len && !strncasecmp(name, token, n))
			return true;
	}
	return false;
}

/* Users know the parts of a suite name but confuse their order ("aes-gcm-256"), so match whole
 * parts first and fall back to edit distance. */
const char *eg_suite_suggest(const char *name)
{
	const char *names[EG_SUITE_COUNT], *found = NULL;
	size_t best = 1; /* "aes" alone is no match */

	for (size_t i = 0; i < EG_SUITE_COUNT; i++) {
		const char *at = eg_suites[i].name;
		size_t hits = 0, n;

		names[i] = at;
		for (; (n = next_token(&at)); at += n)
			hits += has_token(name, at, n);
		if (hits > best) {
			best = hits;
			found = names[i];
		}
	}
	return found ? found : eg_text_nearest(name, names, EG_SUITE_COUNT);
}
