/* Private to lib/crypto: what a key is. */
#ifndef EG_CRYPTO_KEY_H
#define EG_CRYPTO_KEY_H

#include <intel-ipsec-mb.h>
#include <stdint.h>

#include "base/suite.h"

/* IPsec-MB wants the expanded key on a 64-byte boundary: it comes first, the slab does the rest. */
struct eg_crypto_key {
	struct gcm_key_data gcm;
	uint8_t salt[4];
	uint8_t key_bytes;
	uint8_t icv_bytes;
};

#endif
