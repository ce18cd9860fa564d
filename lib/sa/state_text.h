/* Text formats of a static key's state (RFC 4303 s3.3.3): a line of the journal (sa/journal.h), and
 * the per-key file that versions before the journal wrote for outbound SAs, which is only read:
 *
 * clang-format off
 *	espgate-state 1
 *	key 4f1c...                  fingerprint: identifies the key without revealing it
 *	spi 0x00001001
 *	suite aes256gcm16
 *	remote 192.0.2.2
 *	seq 1048576                  no sequence number up to this one may be used again
 *	iv 1763884065000000000       nor any IV
 *	bytes 730412                 sent, including what may be sent until the next write
 *	since 1763880465000000000    first use, ns since 1970
 *	check 8c1f...                over everything above
 * clang-format on
 *
 * Pure functions on bytes. A text is only accepted if rendering the parsed state gives the same
 * bytes again: every state has one canonical spelling. */
#ifndef EG_SA_STATE_TEXT_H
#define EG_SA_STATE_TEXT_H

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
	bool inbound; /* then seq is the highest one that may have been received */
};

enum eg_state_fault {
	EG_STATE_OK,
	EG_STATE_DAMAGED,
	EG_STATE_NEWER, /* written by a newer version */
};

/* Render the file, NUL-terminated; returns its length. */
size_t eg_state_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX]);

/* Parse any n bytes; *out is set if they are a valid state. */
enum eg_state_fault eg_state_parse(const char *text, size_t n, struct eg_state *out);

/* Render the journal's line, NUL-terminated: the same fields preceded by their names, and "dir in"
 * or "dir out" after the key. Returns its length. */
size_t eg_state_line_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX]);

/* Parse n bytes, of which the last is the only newline. */
bool eg_state_line_parse(const char *text, size_t n, struct eg_state *out);

/* FNV-1a: every step is a bijection, so any single wrong byte is detected. It protects against
 * damage, not against attackers: anyone who can write here can also replace the program. `sum`
 * continues from a previous part; initially EG_FNV1A_START. */
#define EG_FNV1A_START 0xcbf29ce484222325ull
uint64_t eg_fnv1a(uint64_t sum, const char *text, size_t n);

/* After a failed parse: EG_STATE_NEWER if the text begins with the name in `head` "NAME VERSION"
 * and a higher version, else EG_STATE_DAMAGED. */
enum eg_state_fault eg_state_check_version(const char *text, const char *head);

/* As hex digits. */
const char *eg_fingerprint_print(const uint8_t key[EG_FINGERPRINT_BYTES],
				 char text[EG_FINGERPRINT_TEXT]);

/* The manifest: keys whose file existed before the journal did, so that its loss is detected.
 * Version 1 lists all keys and means that there is no journal yet. */
#define EG_MANIFEST_HEAD  "espgate-state-manifest 2\n"
#define EG_MANIFEST_OLD   "espgate-state-manifest 1\n"
#define EG_MANIFEST_LINE  EG_FINGERPRINT_TEXT /* hex and newline */
#define EG_MANIFEST_CHECK (sizeof("check ") - 1 + 16 + 1)

size_t eg_manifest_bytes(size_t n);

/* Render eg_manifest_bytes(n) bytes into text; keys are n consecutive fingerprints. */
void eg_manifest_render(const uint8_t *keys, size_t n, char *text);

/* Parse *n fingerprints into keys (space for size / EG_MANIFEST_LINE of them). *journal: does a
 * journal exist? */
enum eg_state_fault eg_manifest_parse(const char *text, size_t size, uint8_t *keys, size_t *n,
				      bool *journal);

#endif
