/* The ESP suites by their configuration names (strongSwan's proposal spelling), and their sizes.
 * One table that the configuration reader, key files and lib/crypto share. Read-only: any thread.
 */
#ifndef EG_BASE_SUITE_H
#define EG_BASE_SUITE_H

#include <stddef.h>
#include <stdint.h>

enum eg_suite_id {
	EG_SUITE_AES128GCM16,
	EG_SUITE_AES192GCM16,
	EG_SUITE_AES256GCM16,
	EG_SUITE_COUNT,
};

struct eg_suite {
	enum eg_suite_id id;
	const char *name;
	uint8_t key_bytes;  /* encryption key without salt */
	uint8_t salt_bytes; /* appended to the key in key files (RFC 4106 s8.1) */
	uint8_t iv_bytes;   /* explicit IV in each packet */
	uint8_t icv_bytes;
	uint8_t align_bytes; /* ciphertext is padded to a multiple of this (RFC 4303 s2.4) */
};

/* Longest key material of any suite, salt included. */
#define EG_SUITE_KEY_MAX 36

extern const struct eg_suite eg_suites[EG_SUITE_COUNT];

/* NULL where no suite has that name. */
const struct eg_suite *eg_suite_find(const char *name);

/* The name most like an unknown one, or NULL. */
const char *eg_suite_suggest(const char *name);

#endif
