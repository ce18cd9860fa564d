/* What esp_in and esp_out prepare for one crypto call. */
#ifndef EG_PATH_ESP_H
#define EG_PATH_ESP_H

#include "crypto/crypto.h"
#include "path/batch.h"

_Static_assert(EG_BATCH_MAX <= EG_CRYPTO_BURST, "a batch is one crypto burst");

struct eg_esp_ops {
	struct eg_crypto_op op[EG_BATCH_MAX];
	uint8_t packet[EG_BATCH_MAX];  /* esp_out: op[k] is about packet[k] of the batch */
	uint8_t aad[EG_BATCH_MAX][12]; /* SPI and all 64 bits of the sequence number: the associated
					* data with ESN (RFC 4106 s5), and behind the SPI the
					* implicit IV (RFC 8750 s4) */
};

#endif
