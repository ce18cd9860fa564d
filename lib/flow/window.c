#include "flow/window.h"

#include "net/bytes.h"

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
};

struct eg_segment eg_tcp_segment(const uint8_t *l4, uint32_t l4_len)
{
	uint32_t head = (l4[12] >> 4) * 4u, bytes = head < l4_len ? l4_len - head : 0;
	unsigned flags = l4[13];

	bytes += !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
	return (struct eg_segment){.end = eg_get32(l4 + 4) + bytes,
				   .ack = flags & TCP_ACK ? eg_get32(l4 + 8) : 0};
}
