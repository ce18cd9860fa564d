#include "conf/restart_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define NEEDS_RESTART "needs a restart (running with %s)"

/* Where differences are reported. */
struct ctx {
	const struct eg_config *wanted;
	struct eg_errs *errs;
	const struct eg_conf_port *port; /* NULL: not a key of a port */
};

static void report(const struct ctx *ctx, enum eg_severity severity, const struct eg_pos *pos,
		   const char *key, const char *value)
{
	const struct eg_pos file = {.file = ctx->wanted->file};
	struct eg_buf path = {0};

	if (ctx->port)
		eg_buf_add(&path, "ports.%s.", ctx->port->name);
	eg_buf_add(&path, "%s", key);
	/* A removed key has no position: use that of its port, or the file. */
	if (!pos->file)
		pos = ctx->port ? &ctx->port->pos : &file;
	eg_errs_add(ctx->errs, severity, pos, path.v ? path.v : key, NEEDS_RESTART, value);
	eg_buf_free(&path);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Returns false if out of memory. */
static bool retain_text(char **wanted, const char *running)
{
	char *copy = running ? strdup(running) : NULL;

	if (running && !copy)
		return false;
	free(*wanted);
	*wanted = copy;
	return true;
}

static bool retain_string_key(const struct ctx *ctx, enum eg_conf_port_key key, const char *name,
			      char **wanted, const char *running)
{
	if (same_text(*wanted, running))
		return true;
	report(ctx, EG_WARNING, &ctx->port->at[key], name, running ? running : "none");
	return retain_text(wanted, running);
}

static void retain_number_key(const struct ctx *ctx, enum eg_conf_port_key key, const char *name,
			      uint16_t *wanted, uint16_t running, const char *zero)
{
	char text[16];

	if (*wanted == running)
		return;
	snprintf(text, sizeof(text), "%u", running);
	report(ctx, EG_WARNING, &ctx->port->at[key], name, running ? text : zero);
	*wanted = running;
}

static void retain_mac(const struct ctx *ctx, struct eg_conf_port *wanted,
		       const struct eg_conf_port *running)
{
	const uint8_t *m = running->mac;
	char text[18];

	if (wanted->has_mac == running->has_mac && !memcmp(wanted->mac, running->mac, 6))
		return;
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	report(ctx, EG_WARNING, &wanted->at[EG_PORT_KEY_MAC], "mac",
	       running->has_mac ? text : "its parent's");
	wanted->has_mac = running->has_mac;
	memcpy(wanted->mac, running->mac, sizeof(wanted->mac));
}

/* Without a device there is nothing to allow. */
static bool retain_kernel(const struct ctx *ctx, struct eg_conf_port *wanted,
			  const struct eg_conf_port *running)
{
	if (!running->kernel.device)
		wanted->kernel.allow = (struct eg_allow){0};
	return retain_string_key(ctx, EG_PORT_KEY_KERNEL, "kernel", &wanted->kernel.device,
				 running->kernel.device);
}

/* Keys that change the meaning of the rest of the configuration. Returns -1 if one differs. */
static int check_identity(const struct ctx *ctx, const struct eg_config *running,
			  const struct eg_conf_port *wanted, const struct eg_conf_port *port)
{
	size_t before = ctx->errs->n_errors;
	char text[16];

	snprintf(text, sizeof(text), "%u", port->vlan);
	if (wanted->role != port->role)
		report(ctx, EG_ERROR, &wanted->at[EG_PORT_KEY_ROLE], "role",
		       port->role == EG_ROLE_CLEAR ? "clear" : "encrypted");
	if (wanted->vlan != port->vlan)
		report(ctx, EG_ERROR, &wanted->at[EG_PORT_KEY_VLAN], "vlan",
		       port->vlan ? text : "none");
	if (wanted->vlan && port->vlan && wanted->parent != port->parent)
		report(ctx, EG_ERROR, &wanted->at[EG_PORT_KEY_PARENT], "parent",
		       running->ports.v[port->parent].name);
	return ctx->errs->n_errors == before ? 0 : -1;
}

static int retain_port(struct eg_config *wanted, const struct eg_config *running, size_t p,
		       struct eg_errs *errs)
{
	struct eg_conf_port *w = &wanted->ports.v[p];
	const struct eg_conf_port *r = &running->ports.v[p];
	const struct ctx ctx = {wanted, errs, w};

	if (check_identity(&ctx, running, w, r))
		return -1;
	if (!retain_string_key(&ctx, EG_PORT_KEY_DEVICE, "device", &w->device, r->device) ||
	    !retain_kernel(&ctx, w, r)) {
		eg_error(errs, NULL, NULL, "out of memory");
		return -1;
	}
	retain_mac(&ctx, w, r);
	retain_number_key(&ctx, EG_PORT_KEY_MTU, "mtu", &w->mtu, r->mtu, "");
	retain_number_key(&ctx, EG_PORT_KEY_RX_QUEUES, "rx_queues", &w->rx_queues, r->rx_queues,
			  "auto");
	retain_number_key(&ctx, EG_PORT_KEY_RX_BUFFER, "rx_buffer", &w->rx_buffer_bytes,
			  r->rx_buffer_bytes, "the size of the longest frame");
	if (w->promiscuous != r->promiscuous)
		report(&ctx, EG_WARNING, &w->at[EG_PORT_KEY_PROMISCUOUS], "promiscuous",
		       r->promiscuous ? "true" : "false");
	w->promiscuous = r->promiscuous;
	return 0;
}

/* The ports must be the same, in the same order. */
static int check_names(const struct eg_config *wanted, const struct eg_config *running,
		       struct eg_errs *errs)
{
	const struct ctx ctx = {wanted, errs, NULL};
	bool same = wanted->ports.n == running->ports.n;
	struct eg_buf names = {0};

	for (size_t p = 0; p < running->ports.n; p++) {
		same = same && same_text(wanted->ports.v[p].name, running->ports.v[p].name);
		eg_buf_add(&names, "%s%s", p ? ", " : "", running->ports.v[p].name);
	}
	if (!same)
		report(&ctx, EG_ERROR, &wanted->ports_pos, "ports", names.v ? names.v : "others");
	eg_buf_free(&names);
	return same ? 0 : -1;
}

static void check_lcores(const struct ctx *ctx, const struct eg_config *running)
{
	const struct eg_config *wanted = ctx->wanted;
	bool same = wanted->lcores.n == running->lcores.n;
	struct eg_buf text = {0};

	for (size_t i = 0; i < running->lcores.n; i++) {
		same = same && wanted->lcores.v[i] == running->lcores.v[i];
		eg_buf_add(&text, "%s%u", i ? "," : "", running->lcores.v[i]);
	}
	if (!same)
		report(ctx, EG_WARNING, &wanted->lcores_pos, "workers.lcores",
		       text.v ? text.v : "those chosen at start");
	eg_buf_free(&text);
}

static void check_pins(const struct ctx *ctx, const struct eg_config *running)
{
	const struct eg_config *wanted = ctx->wanted;
	bool same = wanted->pins.n == running->pins.n;
	struct eg_buf text = {0};

	for (size_t i = 0; i < running->pins.n; i++) {
		const struct eg_conf_pin *pin = &running->pins.v[i];

		same = same && wanted->pins.v[i].port == pin->port &&
		       wanted->pins.v[i].queue == pin->queue &&
		       wanted->pins.v[i].lcore == pin->lcore;
		eg_buf_add(&text, "%squeue %u of %s on lcore %u", i ? ", " : "", pin->queue,
			   running->ports.v[pin->port].name, pin->lcore);
	}
	if (!same)
		report(ctx, EG_WARNING, &wanted->pins_pos, "workers.pin", text.v ? text.v : "none");
	eg_buf_free(&text);
}

static void check_eal(const struct ctx *ctx, const struct eg_config *running)
{
	const struct eg_config *wanted = ctx->wanted;
	bool same = wanted->eal_args.n == running->eal_args.n;
	struct eg_buf text = {0};

	for (size_t i = 0; i < running->eal_args.n; i++) {
		same = same && same_text(wanted->eal_args.v[i], running->eal_args.v[i]);
		eg_buf_add(&text, "%s%s", i ? " " : "", running->eal_args.v[i]);
	}
	if (!same)
		report(ctx, EG_WARNING, &wanted->eal_args_pos, "eal.args",
		       text.v ? text.v : "none");
	eg_buf_free(&text);
}

/* The journal of the SAs is in the directory it was opened in: without it they would repeat IVs. */
static void check_state_dir(const struct ctx *ctx, const struct eg_config *running)
{
	if (!same_text(ctx->wanted->state_dir, running->state_dir))
		report(ctx, EG_ERROR, &ctx->wanted->state_dir_pos, "state_dir",
		       running->state_dir ? running->state_dir : "none");
}

/* Its file, and who may connect. */
static void retain_control(const struct ctx *ctx, struct eg_conf_control *wanted,
			   const struct eg_conf_control *running)
{
	char mode[8];

	if (!same_text(wanted->socket, running->socket)) {
		report(ctx, EG_WARNING,
		       wanted->socket_pos.file ? &wanted->socket_pos : &wanted->pos,
		       "control.socket", running->socket ? running->socket : "none");
	} else if (wanted->socket) {
		snprintf(mode, sizeof(mode), "0%o", running->mode);
		if (wanted->mode != running->mode)
			report(ctx, EG_WARNING,
			       wanted->mode_pos.file ? &wanted->mode_pos : &wanted->pos,
			       "control.mode", mode);
		if (!same_text(wanted->group, running->group))
			report(ctx, EG_WARNING,
			       wanted->group_pos.file ? &wanted->group_pos : &wanted->pos,
			       "control.group",
			       running->group ? running->group : "the group of the process");
	}
	if (!retain_text(&wanted->socket, running->socket) ||
	    !retain_text(&wanted->group, running->group))
		eg_error(ctx->errs, NULL, NULL, "out of memory");
	wanted->mode = running->mode;
}

int eg_config_retain_restart_keys(struct eg_config *wanted, const struct eg_config *running,
				  struct eg_errs *errs)
{
	const struct ctx ctx = {wanted, errs, NULL};
	size_t before = errs->n_errors;
	char text[16];

	check_eal(&ctx, running);
	if (!check_names(wanted, running, errs)) {
		for (size_t p = 0; p < running->ports.n; p++)
			retain_port(wanted, running, p, errs);
		check_pins(&ctx, running);
	}
	check_lcores(&ctx, running);
	check_state_dir(&ctx, running);
	if (wanted->forwarding_cache != running->forwarding_cache)
		report(&ctx, EG_WARNING, &wanted->forwarding_cache_pos, "workers.forwarding_cache",
		       running->forwarding_cache ? "on" : "off");
	wanted->forwarding_cache = running->forwarding_cache;
	if (wanted->multi_packet != running->multi_packet)
		report(&ctx, EG_WARNING, &wanted->multi_packet_pos, "crypto.multi_packet",
		       running->multi_packet ? "auto" : "off");
	wanted->multi_packet = running->multi_packet;
	retain_control(&ctx, &wanted->control, &running->control);
	snprintf(text, sizeof(text), "%u", running->policy.max_connections);
	if (wanted->policy.max_connections != running->policy.max_connections)
		report(&ctx, EG_WARNING, &wanted->policy.max_connections_pos,
		       "policy.max_connections", text);
	return errs->n_errors == before ? 0 : -1;
}
