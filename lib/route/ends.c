#include "route/ends.h"

#include <errno.h>
#include <stdlib.h>

int eg_ends_build(struct eg_ends *ends, const struct eg_tunnel *tunnels, uint32_t n)
{
	uint32_t size = 8;

	while (size < 2 * n)
		size *= 2;
	ends->slots = calloc(size, sizeof(*ends->slots));
	if (!ends->slots)
		return -ENOMEM;
	ends->mask = size - 1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = eg_ends_hash(&tunnels[i].local, &tunnels[i].remote);

		while (ends->slots[at & ends->mask])
			at++;
		ends->slots[at & ends->mask] = i + 1;
	}
	return 0;
}

void eg_ends_free(struct eg_ends *ends)
{
	free(ends->slots);
	ends->slots = NULL;
}

const struct eg_tunnel *eg_ends_next(const struct eg_ends *ends, const struct eg_tunnel *tunnels,
				     const struct eg_ip *local, const struct eg_ip *remote,
				     uint32_t *at)
{
	uint32_t hash = eg_ends_hash(local, remote), slot;

	while ((slot = ends->slots[(hash + *at) & ends->mask])) {
		const struct eg_tunnel *tunnel = &tunnels[slot - 1];

		(*at)++;
		if (eg_ip_equal(&tunnel->local, local) && eg_ip_equal(&tunnel->remote, remote))
			return tunnel;
	}
	return NULL;
}
