/* A peer: ESP's transforms by OpenSSL, which shares no code with IPsec-MB. One packet a call, and
 * nothing of lib/crypto but the op that names the packet's parts. */
#ifndef TEST_COMMON_PEER_H
#define TEST_COMMON_PEER_H

#include "crypto/crypto.h"

/* In place, as eg_crypto_seal() and eg_crypto_open() do; material as eg_crypto_key_new() has it.
 * open: false where the ICV is wrong, the text is then anything. */
void peer_seal(const struct eg_suite *suite, const uint8_t *material,
	       const struct eg_crypto_op *op);
bool peer_open(const struct eg_suite *suite, const uint8_t *material,
	       const struct eg_crypto_op *op);

#endif
