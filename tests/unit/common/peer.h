/* An independent ESP peer: transforms by OpenSSL, which shares no code with IPsec-MB. One packet
 * per call; uses nothing of lib/crypto except the op that describes the packet. */
#ifndef TEST_COMMON_PEER_H
#define TEST_COMMON_PEER_H

#include "crypto/crypto.h"

/* In place, like eg_crypto_seal() and eg_crypto_open(); `material` as for eg_crypto_key_new(). Open
 * returns false if the ICV is wrong; the text is undefined then. */
void peer_seal(const struct eg_suite *suite, const uint8_t *material,
	       const struct eg_crypto_op *op);
bool peer_open(const struct eg_suite *suite, const uint8_t *material,
	       const struct eg_crypto_op *op);

#endif
