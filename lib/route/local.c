#include "route/local.h"

const struct eg_local *eg_local_find(const struct eg_locals *locals, unsigned port,
				     const struct eg_ip *ip)
{
	for (size_t i = 0; i < locals->n; i++) {
		if (locals->v[i].port == port && eg_ip_equal(&locals->v[i].address.ip, ip))
			return &locals->v[i];
	}
	return NULL;
}

const struct eg_local *eg_local_towards(const struct eg_locals *locals, unsigned port,
					const struct eg_ip *ip)
{
	const struct eg_local *first = NULL;

	for (size_t i = 0; i < locals->n; i++) {
		const struct eg_local *local = &locals->v[i];

		if (local->port != port || local->address.ip.family != ip->family)
			continue;
		if (eg_prefix_contains(&local->address, ip))
			return local;
		if (!first)
			first = local;
	}
	return first;
}
