#include "tunnel/harness.h"

#include <endian.h>

void scene_start(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	assert_int_equal(eg_rcu_init(&scene->rcu, WORKERS), 0);
	scene->store = eg_sa_store_new(WORKERS);
	assert_non_null(scene->store);
	assert_int_equal(eg_tunnels_init(&scene->tunnels, &scene->rcu, scene->store, WORKERS), 0);
}

void scene_end(struct scene *scene)
{
	eg_tunnels_fini(&scene->tunnels);
	assert_int_equal(eg_rcu_pending(&scene->rcu), 0);
	eg_rcu_fini(&scene->rcu);
	eg_sa_store_free(scene->store);
}

void scene_settle(struct scene *scene)
{
	while (eg_rcu_pending(&scene->rcu))
		eg_rcu_poll(&scene->rcu);
}

struct eg_ip ip(const char *text)
{
	struct eg_ip out;

	assert_int_equal(eg_ip_parse(text, &out), 0);
	return out;
}

struct eg_tunnel_spec spec_of(const char *name, unsigned n)
{
	struct eg_tunnel_spec spec = {
		.name = name,
		.local = ip("192.0.2.1"),
		.remote = ip("192.0.2.2"),
		.hop = {.kind = EG_HOP_PORT, .port = 1, .mac = {2, 0, 0, 0, 0, 1}},
		.n_sports = 1,
		.peer_port = 4500,
	};

	spec.remote.bytes[3] = (uint8_t)(2 + n);
	spec.remote.bytes[2] = (uint8_t)(2 + ((2 + n) >> 8));
	return spec;
}

struct eg_sa *sa_of(struct scene *scene, enum eg_sa_kind kind, uint32_t spi, unsigned key)
{
	const struct eg_sa_spec spec = {
		.kind = kind,
		.spi = spi,
		.suite = eg_suite_find("aes256gcm16"),
		.replay_window = 64,
		.local = ip("192.0.2.1"),
		.remote = ip("192.0.2.2"),
	};
	const struct eg_err_place ref = {.path = "sa"};
	uint8_t material[EG_SUITE_KEY_MAX] = "a key of thirty-two bytes, and..salt";
	struct eg_errs errs = {0};
	struct eg_sa *sa;

	material[0] = (uint8_t)kind;
	memcpy(material + 1, &spi, sizeof(spi));
	memcpy(material + 5, &key, sizeof(key));
	sa = eg_sa_acquire(scene->store, &spec, material, &ref, &errs);
	eg_errs_print(&errs, stderr);
	assert_non_null(sa);
	return sa;
}

const char *sas_text(const struct scene *scene, uint32_t id, char *out)
{
	static const char *const uses[] = {"", " pending", " retiring"};
	const struct eg_tunnel_sa *held = eg_tunnel_first_sa(&scene->tunnels, id);
	int n = 0;

	for (*out = 0; held; held = held->next) {
		n += snprintf(out + n, 256 - (size_t)n, "%s%s %x%s", n ? ", " : "",
			      held->sa->kind == EG_SA_KIND_IN ? "in" : "out",
			      be32toh(held->sa->spi_be), uses[held->use]);
		if (held->use)
			n += snprintf(out + n, 256 - (size_t)n, " %lu", (unsigned long)held->at_ns);
	}
	return out;
}

const char *out_text(const struct scene *scene, uint32_t id, char *out)
{
	const struct eg_out_set *set = eg_tunnel_out(&scene->tunnels, id);
	int n = 0;

	*out = 0;
	assert_true(!set || set->n > 0);
	for (uint32_t i = 0; set && i < set->n; i++)
		n += snprintf(out + n, 256 - (size_t)n, "%s%x", n ? " " : "",
			      be32toh(set->sa[i]->spi_be));
	return out;
}
