/* explain --mtu: how long a packet may be to fit into a peer's tunnel, line by line. The result is
 * counted by the function that the packets' way asks. */
#include "explain_mtu.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "net/esp.h"
#include "net/tcp.h"
#include "verbs.h"

/* What becomes of longer ones. */
static void add_longer(const struct eg_tunnel *tunnel, unsigned whole, struct eg_buf *out)
{
	bool ip6 = !tunnel->transport || tunnel->remote.family == 6;
	bool least = ip6 && whole < EG_IP6_MTU_MIN;

	eg_buf_add(out, "  longer over IPv4 without DF: %s\n",
		   tunnel->fragment_inner   ? "fragmented, and the fragments sealed"
		   : tunnel->fragment_outer ? "sealed, and fragmented then"
					    : "dropped");
	eg_buf_add(out, "  longer with DF: dropped, and the sender told %u\n", whole);
	if (least)
		eg_buf_add(out,
			   "  longer over IPv6: up to %u sealed, and fragmented then (RFC "
			   "2473 s7.1)\n",
			   EG_IP6_MTU_MIN);
	if (ip6)
		eg_buf_add(out, "  %s over IPv6: dropped, and the sender told %u\n",
			   least ? "even longer" : "longer", least ? EG_IP6_MTU_MIN : whole);
}

static void add_sa(const struct eg_conf_sa *sa, const struct eg_tunnel *tunnel,
		   const struct eg_conf_port *port, struct eg_buf *out)
{
	const struct eg_suite *suite = sa->suite;
	const struct eg_esp_overhead overhead = {
		.outer = tunnel->outer_len,
		.iv = suite->iv_bytes,
		.icv = suite->icv_bytes,
		.align = suite->align_bytes,
	};
	unsigned left =
		port->mtu - tunnel->outer_len - EG_ESP_LEN - suite->iv_bytes - suite->icv_bytes;
	unsigned text = eg_esp_inner_mtu(port->mtu, &overhead);
	unsigned whole =
		text + (tunnel->transport ? tunnel->ip_len : 0); /* its own header is outside */

	eg_buf_add(out, "SA 0x%08x %s\n", sa->spi, suite->name);
	eg_buf_add(out, "  %6u  mtu of port %s%s\n", port->mtu, port->name,
		   tunnel->learns_mtu ? " (or of the path, where ICMP tells of less)" : "");
	eg_buf_add(out, "  - %4u  %s IPv%u header\n", tunnel->ip_len,
		   tunnel->transport ? "the packet's own" : "outer", tunnel->remote.family);
	if (tunnel->encap)
		eg_buf_add(out, "  - %4u  UDP header (RFC 3948)\n", EG_UDP_LEN);
	eg_buf_add(out, "  - %4u  ESP header: SPI, sequence number%s\n", EG_ESP_LEN,
		   sa->esn ? " (the high half of an ESN is not sent)" : "");
	eg_buf_add(out, "  - %4u  IV\n", suite->iv_bytes);
	eg_buf_add(out, "  - %4u  ICV\n", suite->icv_bytes);
	eg_buf_add(out, "  - %4u  what is no multiple of %u, as the padded text must be\n",
		   left % suite->align_bytes, suite->align_bytes);
	eg_buf_add(out, "  - %4u  pad length, next header\n", EG_ESP_TRAILER);
	if (tunnel->transport)
		eg_buf_add(out, "  + %4u  the packet's own header (options count, too)\n",
			   tunnel->ip_len);
	eg_buf_add(out, "  = %4u  longest packet%s\n", whole, tunnel->transport ? "" : " inside");
	if (tunnel->transport)
		eg_buf_add(out, "  MSS %u\n", whole - tunnel->ip_len - EG_TCP_LEN);
	else
		eg_buf_add(out, "  MSS %u over IPv4, %u over IPv6\n",
			   whole - EG_IP4_LEN - EG_TCP_LEN, whole - EG_IP6_LEN - EG_TCP_LEN);
	add_longer(tunnel, whole, out);
}

static int explain(const struct eg_view *view, size_t index)
{
	const struct eg_conf_peer *conf = &view->config->peers.v[index];
	const struct eg_tunnel *tunnel = &view->snap->tunnels[index];
	char remote[EG_IP_TEXT];
	struct eg_buf out = {0};
	size_t n = 0;

	eg_ip_print(&conf->remote, remote);
	if (!eg_hop_is_port(&tunnel->hop)) {
		fprintf(stderr, "espgate explain: %s (%s) is not in reach\n", conf->name, remote);
		return EG_EXIT_ERROR;
	}
	eg_buf_add(&out, "peer %s (%s) by port %s, MSS clamping %s\n", conf->name, remote,
		   view->config->ports.v[tunnel->hop.port].name, conf->mss_clamp ? "on" : "off");
	eg_vec_foreach (sa, &conf->sas) {
		if (sa->dir != EG_SA_OUT)
			continue;
		add_sa(sa, tunnel, &view->config->ports.v[tunnel->hop.port], &out);
		n++;
	}
	if (!n)
		eg_buf_add(&out, "no SA of dir out: nothing goes in\n");
	fputs(out.v ? out.v : "", stdout);
	eg_buf_free(&out);
	return EG_EXIT_OK;
}

int eg_explain_mtu(const struct eg_view *view, const char *name)
{
	for (size_t i = 0; i < view->config->peers.n; i++) {
		if (!strcmp(view->config->peers.v[i].name, name))
			return explain(view, i);
	}
	fprintf(stderr, "espgate explain: no peer is named \"%s\"\n", name);
	return EG_EXIT_USAGE;
}
