#include "tunnel/endpoint.h"

#include <stdio.h>
#include <stdlib.h>

#define CACHE_LINE 64

static void fill(struct eg_endpoint *endpoint, unsigned slot, const struct eg_endpoint_at *at)
{
	uint64_t words[2];

	memcpy(words, at->address, sizeof(words));
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(&endpoint->slot[slot].address[i], words[i],
				      memory_order_release);
	atomic_store_explicit(&endpoint->slot[slot].port, at->port, memory_order_release);
}

struct eg_endpoint *eg_endpoint_new(const struct eg_ip *remote, uint16_t port)
{
	struct eg_endpoint *endpoint = aligned_alloc(CACHE_LINE, 2 * CACHE_LINE);
	struct eg_endpoint_at at = {.port = port};

	_Static_assert(sizeof(*endpoint) <= 2 * CACHE_LINE, "two cache lines");
	if (!endpoint)
		return NULL;
	memset(endpoint, 0, sizeof(*endpoint));
	memcpy(at.address, remote->bytes, sizeof(at.address));
	endpoint->refs = 1;
	endpoint->family = remote->family;
	fill(endpoint, 0, &at);
	return endpoint;
}

struct eg_endpoint *eg_endpoint_retain(struct eg_endpoint *endpoint)
{
	if (endpoint)
		endpoint->refs++;
	return endpoint;
}

void eg_endpoint_release(struct eg_endpoint *endpoint)
{
	if (endpoint && !--endpoint->refs)
		free(endpoint);
}

struct eg_endpoint_at eg_endpoint_get(const struct eg_endpoint *endpoint)
{
	uint32_t version = atomic_load_explicit(&endpoint->version, memory_order_acquire), after;
	struct eg_endpoint_at at;
	uint64_t words[2];

	for (;; version = after) {
		unsigned slot = version & 1;

		for (unsigned i = 0; i < 2; i++)
			words[i] = atomic_load_explicit(&endpoint->slot[slot].address[i],
							memory_order_acquire);
		at.port = (uint16_t)atomic_load_explicit(&endpoint->slot[slot].port,
							 memory_order_acquire);
		after = atomic_load_explicit(&endpoint->version, memory_order_acquire);
		if (after == version)
			break;
	}
	memcpy(at.address, words, sizeof(at.address));
	return at;
}

bool eg_endpoint_follow(struct eg_endpoint *endpoint, const struct eg_endpoint_at *at)
{
	struct eg_endpoint_at now = eg_endpoint_get(endpoint);
	uint32_t version;

	if (eg_endpoint_at_equal(&now, at) ||
	    atomic_exchange_explicit(&endpoint->writing, true, memory_order_acquire))
		return false;
	version = atomic_load_explicit(&endpoint->version, memory_order_relaxed);
	fill(endpoint, (version + 1) & 1, at);
	atomic_store_explicit(&endpoint->version, version + 1, memory_order_release);
	atomic_store_explicit(&endpoint->writing, false, memory_order_release);
	return true;
}

const char *eg_endpoint_print(const struct eg_endpoint *endpoint, char out[EG_ENDPOINT_TEXT])
{
	struct eg_endpoint_at at = eg_endpoint_get(endpoint);
	struct eg_ip ip = eg_ip_from(endpoint->family, at.address);
	char text[EG_IP_TEXT];

	eg_ip_print(&ip, text);
	snprintf(out, EG_ENDPOINT_TEXT, endpoint->family == 6 ? "[%s]:%u" : "%s:%u", text, at.port);
	return out;
}
