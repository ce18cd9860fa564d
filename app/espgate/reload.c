/* A configuration comes into force whole or not at all: load -> check -> build -> prove -> publish
 * -> retire. A failure leaves the running one as it is. */
#include <string.h>

#include "base/clock.h"
#include "gateway.h"
#include "kernel.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_vlan(const struct eg_conf_port *a, const struct eg_conf_port *b)
{
	return a->vlan == b->vlan && a->parent == b->parent && a->has_mac == b->has_mac &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac));
}

/* Its allow list may change. */
static bool same_kernel(const struct eg_conf_kernel *a, const struct eg_conf_kernel *b)
{
	return !a->device == !b->device && (!a->device || same_text(a->device, b->device));
}

static bool same_ports(const struct eg_config *a, const struct eg_config *b)
{
	if (a->ports.n != b->ports.n)
		return false;
	for (size_t i = 0; i < a->ports.n; i++) {
		const struct eg_conf_port *x = &a->ports.v[i], *y = &b->ports.v[i];

		if (!same_text(x->name, y->name) || !same_text(x->device, y->device) ||
		    !same_vlan(x, y) || x->role != y->role || x->mtu != y->mtu ||
		    x->rx_queues != y->rx_queues || x->rx_buffer_bytes != y->rx_buffer_bytes ||
		    x->promiscuous != y->promiscuous || !same_kernel(&x->kernel, &y->kernel))
			return false;
	}
	return true;
}

static bool same_workers(const struct eg_config *a, const struct eg_config *b)
{
	if (a->lcores.n != b->lcores.n || a->pins.n != b->pins.n)
		return false;
	for (size_t i = 0; i < a->lcores.n; i++) {
		if (a->lcores.v[i] != b->lcores.v[i])
			return false;
	}
	for (size_t i = 0; i < a->pins.n; i++) {
		const struct eg_conf_pin *x = &a->pins.v[i], *y = &b->pins.v[i];

		if (x->port != y->port || x->queue != y->queue || x->lcore != y->lcore)
			return false;
	}
	return true;
}

/* Devices, lcores and the connection table are made once. */
static int check_fixed(const struct eg_config *running, const struct eg_config *wanted,
		       struct eg_errs *errs)
{
	const struct eg_pos file = {.file = wanted->file};
	size_t before = errs->n_errors;

	if (!same_ports(running, wanted))
		eg_error(errs, &file, "ports", "changed, which needs a restart");
	if (!same_workers(running, wanted))
		eg_error(errs, &file, "workers", "changed, which needs a restart");
	if (!running->state_dir != !wanted->state_dir ||
	    (running->state_dir && !same_text(running->state_dir, wanted->state_dir)))
		eg_error(errs, &file, "state_dir", "changed, which needs a restart");
	if (running->policy.max_connections != wanted->policy.max_connections)
		eg_error(errs, &file, "policy.max_connections", "changed, which needs a restart");
	return errs->n_errors == before ? 0 : -1;
}

/* What an operator wants to read in the log after a load. */
static void report_load(struct eg_gateway *gateway, const struct eg_snap *snap, uint64_t took_ns)
{
	const struct eg_snap_policy *policy = snap->policy;
	struct eg_buf text = {0};

	if (policy)
		eg_buf_add(
			&text,
			"policy is %s: %zu policies, %zu pods, %zu rules, %zu classes, proved by "
			"%zu probes",
			policy->audit ? "only audited" : "enforced", policy->world.policies.n,
			policy->world.pods.n, eg_policy_stats(policy->compiled)->n_rules,
			eg_policy_stats(policy->compiled)->n_classes, policy->proof.n_probes);
	else
		eg_buf_add(&text, "no policy is enforced");
	eg_log(&gateway->log, EG_LOG_CORE, EG_LOG_INFO,
	       "configuration %lu in force after %.1f ms: %u peers, %zu SAs; %s",
	       (unsigned long)snap->generation, (double)took_ns / 1e6, snap->n_peers, snap->sas.n,
	       text.v ? text.v : "");
	eg_buf_free(&text);
}

int eg_load(struct eg_gateway *gateway, const struct eg_config *config, struct eg_errs *errs)
{
	uint64_t start_ns = eg_mono_ns();
	const struct eg_snap_options options = {
		.prove_ns = EG_PROVE_BUDGET_NS,
		.before = eg_publisher_read(&gateway->publisher),
		.now_ns = start_ns,
	};
	struct eg_snap *snap = eg_snap_build(config, gateway->sas, &options, errs);
	int err;

	if (!snap)
		return -1;
	err = eg_sa_store_reserve(gateway->sas, &(struct eg_now){eg_wall_ns(), start_ns});
	if (err) {
		eg_error(errs, &config->state_dir_pos, "state_dir", "%s: %s", config->state_dir,
			 strerror(-err));
		eg_snap_free(snap);
		return -1;
	}
	eg_publish(&gateway->publisher, snap);
	report_load(gateway, snap, eg_mono_ns() - start_ns);
	return 0;
}

int eg_reload(struct eg_gateway *gateway, struct eg_errs *errs)
{
	struct eg_config *config = eg_config_load(gateway->config->file, errs);
	int ret = -1;

	if (!config)
		return -1;
	if (!check_fixed(gateway->config, config, errs))
		ret = eg_load(gateway, config, errs);
	if (!ret)
		eg_kernels_address(gateway, config);
	eg_config_free(config);
	return ret;
}
