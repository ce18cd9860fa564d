/* The text of a state file: what a static key has been used for (RFC 4303 s3.3.3).
 *
 *	espgate-state 1
 *	key 4f1c...                  fingerprint: names the key, tells nothing of it
 *	spi 0x00001001
 *	suite aes256gcm16
 *	remote 192.0.2.2
 *	seq 1048576                  no sequence number up to this one may be used again
 *	iv 1763884065000000000       nor any IV
 *	bytes 730412                 that it carried, and may have carried until the next write
 *	since 1763880465000000000    first use, ns since 1970
 *	check 8c1f...                over all above
 *
 * Pure functions on bytes. A file is taken only where rendering what was read gives the same bytes
 * again: there is one spelling of everything. */
#ifndef EG_SA_STATE_FILE_H
#define EG_SA_STATE_FILE_H

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
};

enum eg_state_fault {
	EG_STATE_OK,
	EG_STATE_DAMAGED,
	EG_STATE_NEWER, /* of a version this program does not know */
};

/* The file's text, with a NUL behind it; returns its length. */
size_t eg_state_render(const struct eg_state *state, char text[EG_STATE_TEXT_MAX]);

/* Any n bytes; *out is set where they are a state. */
enum eg_state_fault eg_state_parse(const char *text, size_t n, struct eg_state *out);

/* Hex. */
const char *eg_fingerprint_print(const uint8_t key[EG_FINGERPRINT_BYTES],
				 char text[EG_FINGERPRINT_TEXT]);

/* The list of all keys that have a file, in the same manner: that a file is lost shows here. */
#define EG_MANIFEST_HEAD  "espgate-state-manifest 1\n"
#define EG_MANIFEST_LINE  EG_FINGERPRINT_TEXT /* hex and newline */
#define EG_MANIFEST_CHECK (sizeof("check ") - 1 + 16 + 1)

size_t eg_manifest_bytes(size_t n);

/* eg_manifest_bytes(n) bytes into text; keys are n fingerprints in a row. */
void eg_manifest_render(const uint8_t *keys, size_t n, char *text);

/* Take *n fingerprints, to keys (room for size / EG_MANIFEST_LINE of them). */
enum eg_state_fault eg_manifest_parse(const char *text, size_t size, uint8_t *keys, size_t *n);

#endif
