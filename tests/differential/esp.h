/* The far ends of the tunnels: they seal what the gateways receive and open what they sent. The
 * gateways' own crypto, because speed decides how many packets are compared; that it is right is
 * tested elsewhere (tests/unit/crypto, tests/unit/path). */
#ifndef DIFFERENTIAL_ESP_H
#define DIFFERENTIAL_ESP_H

#include "crypto/crypto.h"
#include "world.h"

#define FRAME_MAX 2560

struct frame {
	unsigned n;
	uint64_t flags; /* of its mbuf */
	bool aside;     /* no ordinary ESP */
	struct {        /* for messages */
		uint64_t serial;
		uint32_t ports, tcp_seq;
		unsigned inner, outer, peer; /* what is odd; by whom it was sealed */
		uint32_t spi;
		uint64_t seq;
	} note;
	uint8_t bytes[FRAME_MAX];
};

/* A packet that is being opened or sealed; points into a frame. */
struct esp_work {
	struct eg_crypto_op op;
	uint8_t aad[20];
};

/* Keys by SPI, of everything that was used in this world. */
struct esp_end;

struct esp_end *esp_open_end(void);
void esp_close_end(struct esp_end *end);

/* The suite of an SPI of the world as it is or was: it is remembered with the key. */
const struct eg_suite *esp_learn(struct esp_end *end, uint32_t spi, const struct eg_suite *suite,
				 bool esn);

/* The next sequence number that the far end sends on this SPI. */
uint64_t *esp_next(struct esp_end *end, uint32_t spi);

/* Make frame->bytes[at ...] an ESP packet around `inner`, not sealed yet; *work is for
 * esp_seal(). Returns the length of the ESP packet. */
unsigned esp_wrap(struct esp_end *end, struct frame *frame, unsigned at, uint32_t spi, uint64_t seq,
		  const uint8_t *inner, unsigned n, uint8_t next, struct esp_work *work);

void esp_seal(struct esp_end *end, struct esp_work *work, unsigned n);

/* Prepare to open the ESP packet of n bytes. False: the SPI or length is impossible. */
bool esp_unwrap(struct esp_end *end, uint8_t *esp, unsigned n, struct esp_work *work);

/* True if all of them were authentic. */
bool esp_open(struct esp_end *end, struct esp_work *work, unsigned n);

#endif
