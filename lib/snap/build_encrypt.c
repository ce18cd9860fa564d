/* What must not leave in clear: the networks of `encrypt`, except those parts that are directly
 * attached to a clear port. route checks it, and tx again. It does not depend on the routes,
 * because it guards against wrong ones. */
#include "snap/build.h"

struct table {
	EG_VEC(struct eg_lpm_entry) entries;
	bool failed;
};

static void add(struct table *table, struct eg_prefix prefix, bool must)
{
	struct eg_lpm_entry *entry = eg_vec_add(&table->entries);

	if (entry)
		*entry = (struct eg_lpm_entry){prefix, must};
	else
		table->failed = true;
}

static void add_host(struct table *table, const struct eg_ip *ip)
{
	add(table, (struct eg_prefix){*ip, (uint8_t)eg_ip_bits(ip)}, false);
}

/* Among equal prefixes the last one is used: a listed network that is directly attached to a clear
 * port may be reached in clear. A default route attaches nothing. */
static void collect(struct table *table, const struct eg_config *config)
{
	eg_vec_foreach (network, &config->encrypt)
		add(table, *network, true);
	eg_vec_foreach (port, &config->ports)
		eg_vec_foreach (address, &port->addresses)
			if (port->role == EG_ROLE_CLEAR && address->len)
				add(table, *address, false);
	eg_vec_foreach (route, &config->routes)
		if (route->port >= 0 && route->to.len &&
		    config->ports.v[route->port].role == EG_ROLE_CLEAR)
			add(table, route->to, false);
	eg_vec_foreach (neighbor, &config->neighbors)
		if (config->ports.v[neighbor->port].role == EG_ROLE_CLEAR)
			add_host(table, &neighbor->ip);
	/* Key daemons talk to peers' outer addresses before there is a tunnel. */
	eg_vec_foreach (tunnel, &config->peers)
		if (tunnel->mode == EG_MODE_TUNNEL)
			add_host(table, &tunnel->remote);
}

int eg_build_encrypt(struct eg_snap_world *world, const struct eg_config *config,
		     struct eg_errs *errs)
{
	struct table table = {0};

	if (!config->encrypt.n)
		return 0;
	collect(&table, config);
	if (!table.failed)
		world->encrypt = eg_lpm_build(table.entries.v, table.entries.n, 0);
	eg_vec_free(&table.entries);
	if (world->encrypt)
		return 0;
	eg_error(errs, NULL, "encrypt", "out of memory");
	return -1;
}
