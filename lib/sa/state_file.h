/* What a static key has been used for (RFC 4303 s3.3.3): as the journal's line (sa/journal.h), and
 * as a file of its own, which versions before the journal wrote for outbound SAs and which is now
 * only read.
 *
 * Pure functions on bytes. A file is accepted only if rendering what was read gives the same bytes
 * again: everything has one spelling. */

/* clang-format off */
/*
 *	espgate-state 1
 *	key 4f1c...                  fingerprint: identifies the key, reveals nothing of it
 *	spi 0x00001001
 *	suite aes256gcm16
 *	remote 192.0.2.2
 *	seq 1048576                  no sequence number up to this one may be used again
 *	iv 1763884065000000000       nor any IV up to this one
 *	bytes 730412                 that it carried, and may have carried until the next write
 *	since 1763880465000000000    first use, ns since 1970
 *	check 8c1f...                over everything above
 */
/* clang-format on */
#ifndef EG_SA_STATE_FILE_H
#define EG_SA_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "crypto/crypto.h"

#define EG_STATE_VERSION    1
#define EG_STATE_TEXT_MAX   512
#define EG_STATE_SUITE_MAX  32
#define EG_FINGERPRINT_TEXT (2 * EG_FINGERPRINT_BYTES + 1)

struct eg_state {
	uint8_t key[EG_FINGERPRINT_BYTES];
	uint32_t spi;
	char suite[EG_STATE_SUITE_MAX];
	struct eg_ip remote;
	uint64_t seq, iv;
	uint64_t bytes;
	uint64_t since_ns;
	bool inbound; /* then seq is what may have been received */
};

enum eg_state_fault {
	EG_STATE_OK,
	EG_STATE_DAMAGED,
	EG_STATE_NEWER, /* of a version this program does not know */
};

/* The file's text, NUL-terminated; returns its length. */
size_t eg_state_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX]);

/* Any n bytes; *out is set if they are a state. */
enum eg_state_fault eg_state_parse(const char *text, size_t n, struct eg_state *out);

/* The journal's line: the same fields after their names, and "dir in" or "dir out" after the key.
 * NUL-terminated; returns its length. */
size_t eg_state_line_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX]);

/* n bytes of which the last one is the only newline. */
bool eg_state_line_parse(const char *text, size_t n, struct eg_state *out);

/* FNV-1a: each step is a bijection, so that a single wrong byte is always detected. Against damage,
 * not against an attacker: whoever can write here can also write the program. `sum` continues an
 * earlier part; EG_CHECKSUM_START at first. */
#define EG_CHECKSUM_START 0xcbf29ce484222325ull
uint64_t eg_checksum(uint64_t sum, const char *text, size_t n);

/* Damage, or a header "NAME VERSION" that is ours with a higher version? */
enum eg_state_fault eg_state_fault_of(const char *text, const char *head);

/* Hex. */
const char *eg_fingerprint_print(const uint8_t key[EG_FINGERPRINT_BYTES],
				 char text[EG_FINGERPRINT_TEXT]);

/* The list of keys that had a file before there was a journal, so that a lost file is noticed.
 * Version 1 listed all keys, and says that there is no journal yet. */
#define EG_MANIFEST_HEAD  "espgate-state-manifest 2\n"
#define EG_MANIFEST_OLD   "espgate-state-manifest 1\n"
#define EG_MANIFEST_LINE  EG_FINGERPRINT_TEXT /* hex and newline */
#define EG_MANIFEST_CHECK (sizeof("check ") - 1 + 16 + 1)

size_t eg_manifest_bytes(size_t n);

/* eg_manifest_bytes(n) bytes into text; keys are n fingerprints in a row. */
void eg_manifest_render(const uint8_t *keys, size_t n, char *text);

/* Read *n fingerprints into keys (space for size / EG_MANIFEST_LINE). *journal: is there one? */
enum eg_state_fault eg_manifest_parse(const char *text, size_t size, uint8_t *keys, size_t *n,
				      bool *journal);

#endif
