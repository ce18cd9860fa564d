/* The section workers: lcores and pinned queues. */
#include <ctype.h>
#include <string.h>

#include "conf/sections.h"

#define LCORE_MAX (EG_CONF_LCORES_MAX - 1)

static bool has_lcore(const struct eg_config *config, unsigned lcore)
{
	eg_vec_foreach (it, &config->lcores) {
		if (*it == lcore)
			return true;
	}
	return false;
}

/* False ends parsing of the text: "0-127,0-127,..." must not report an error per number. */
static bool add_lcore(struct eg_read *rd, const struct eg_node *node, unsigned lcore)
{
	unsigned *slot;

	if (has_lcore(rd->config, lcore)) {
		eg_read_error(rd, &node->pos, "lcore %u is given twice", lcore);
		return false;
	}
	slot = eg_vec_add(&rd->config->lcores);
	if (slot)
		*slot = lcore;
	else
		eg_read_no_memory(rd);
	return slot;
}

/* Parse a number at *at and advance past it; UINT32_MAX if there is none, and some number above
 * LCORE_MAX if it is too large. */
static unsigned next_number(const char **at)
{
	unsigned n = 0;

	if (!isdigit((unsigned char)**at))
		return UINT32_MAX;
	for (; isdigit((unsigned char)**at); (*at)++) {
		if (n <= LCORE_MAX)
			n = n * 10 + (unsigned)(**at - '0');
	}
	return n;
}

/* "4", "2-5" or "1,3-5". */
static void read_lcore_text(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const char *at = eg_read_text(rd, node);

	(void)into;
	for (; at; at = *at ? at + 1 : NULL) {
		unsigned first = next_number(&at), last = first;

		if (*at == '-') {
			at++;
			last = next_number(&at);
		}
		if (first == UINT32_MAX || last == UINT32_MAX || (*at && *at != ',')) {
			eg_read_error(rd, &node->pos,
				      "expected lcores like 4, 2-5 or \"1,3-5\", found \"%s\"",
				      node->text);
			return;
		}
		if (first > last || last > LCORE_MAX) {
			eg_read_error(rd, &node->pos, "%s is out of range (0-%d, low to high)",
				      node->text, LCORE_MAX);
			return;
		}
		for (unsigned lcore = first; lcore <= last; lcore++) {
			if (!add_lcore(rd, node, lcore))
				return;
		}
	}
}

static void read_lcores(struct eg_read *rd, const struct eg_node *node, void *into)
{
	rd->config->lcores_pos = *eg_node_error_pos(node);
	if (node->kind == EG_NODE_SEQ)
		eg_read_seq(rd, node, read_lcore_text, into);
	else
		read_lcore_text(rd, node, into);
}

static void read_pin_port(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_pin *pin = into;

	if (!eg_conf_read_port_ref(rd, node, &pin->port) || !rd->config->ports.v[pin->port].vlan)
		return;
	eg_read_error(rd, &node->pos, "%s is a sub-port: its packets are received by its parent",
		      node->text);
	pin->port = EG_CONF_NO_PORT;
}

static void read_pin_queue(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_pin *pin = into;
	uint64_t n = 0, queue;

	if (pin->port != EG_CONF_NO_PORT)
		n = rd->config->ports.v[pin->port].rx_queues;
	if (eg_read_u64(rd, node, 0, (n ? n : EG_CONF_QUEUES_MAX) - 1, &queue))
		pin->queue = (uint16_t)queue;
	else
		pin->port = EG_CONF_NO_PORT; /* skipped by the check for duplicates */
}

static void read_pin_lcore(struct eg_read *rd, const struct eg_node *node, void *into)
{
	struct eg_conf_pin *pin = into;
	uint64_t lcore;

	if (!eg_read_u64(rd, node, 0, LCORE_MAX, &lcore))
		return;
	pin->lcore = (unsigned)lcore;
	if (rd->config->lcores.n && !has_lcore(rd->config, pin->lcore))
		eg_read_error(rd, &node->pos, "lcore %u is not one of workers.lcores", pin->lcore);
}

static void read_pin(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"port", read_pin_port, true}, /* its queue count limits the queue */
		{"queue", read_pin_queue, true},
		{"lcore", read_pin_lcore, true},
	};
	struct eg_config *config = into;
	struct eg_conf_pin *pin = eg_vec_add(&config->pins);

	if (!pin) {
		eg_read_no_memory(rd);
		return;
	}
	pin->port = EG_CONF_NO_PORT;
	pin->pos = node->pos;
	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), pin);
	if (!eg_node_get(node, "queue"))
		pin->port = EG_CONF_NO_PORT;
}

static void read_pins(struct eg_read *rd, const struct eg_node *node, void *into)
{
	const struct eg_conf_pin *first[EG_CONF_PORTS_MAX][EG_CONF_QUEUES_MAX] = {0};
	struct eg_config *config = into;

	config->pins_pos = *eg_node_error_pos(node);
	eg_read_seq(rd, node, read_pin, config);
	eg_vec_foreach (pin, &config->pins) {
		const struct eg_conf_pin **owner;
		size_t mark;

		if (pin->port == EG_CONF_NO_PORT)
			continue;
		owner = &first[pin->port][pin->queue];
		if (!*owner) {
			*owner = pin;
			continue;
		}
		mark = eg_read_enter(rd, "[%zu]", (size_t)(pin - config->pins.v));
		eg_read_error(rd, &pin->pos, "queue %u of %s is given twice (first on line %u)",
			      pin->queue, config->ports.v[pin->port].name, (*owner)->pos.line);
		eg_read_leave(rd, mark);
	}
}

static void read_forwarding_cache(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const char *const names[] = {"on", "off"};
	struct eg_config *config = into;
	unsigned choice;

	config->forwarding_cache_pos = node->pos;
	if (eg_read_enum(rd, node, names, 2, &choice))
		config->forwarding_cache = choice == 0;
}

void eg_conf_read_workers(struct eg_read *rd, const struct eg_node *node, void *into)
{
	static const struct eg_field fields[] = {
		{"lcores", read_lcores, false}, /* before the pins, which refer to them */
		{"pin", read_pins, false},
		{"forwarding_cache", read_forwarding_cache, false},
	};

	eg_read_map(rd, node, fields, sizeof(fields) / sizeof(*fields), into);
}
