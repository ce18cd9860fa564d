#include "route/own.h"

const struct eg_own *eg_own_find(const struct eg_owns *owns, unsigned port, const struct eg_ip *ip)
{
	for (size_t i = 0; i < owns->n; i++) {
		if (owns->v[i].port == port && eg_ip_equal(&owns->v[i].address.ip, ip))
			return &owns->v[i];
	}
	return NULL;
}

const struct eg_own *eg_own_towards(const struct eg_owns *owns, unsigned port,
				    const struct eg_ip *ip)
{
	const struct eg_own *first = NULL;

	for (size_t i = 0; i < owns->n; i++) {
		const struct eg_own *own = &owns->v[i];

		if (own->port != port || own->address.ip.family != ip->family)
			continue;
		if (eg_prefix_contains(&own->address, ip))
			return own;
		if (!first)
			first = own;
	}
	return first;
}
