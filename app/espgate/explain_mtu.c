/* explain --mtu: a tunnel's effective MTU, line by line, by the function that the packet path uses.
 */
#include "explain_mtu.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "net/tcp.h"
#include "path/overhead.h"
#include "verbs.h"

/* What happens to longer packets. */
static void add_longer(const struct eg_tunnel *tunnel, unsigned mtu, struct eg_buf *out)
{
	bool ip6 = !tunnel->transport || tunnel->remote.family == 6;
	bool least = ip6 && mtu < EG_IP6_MTU_MIN;

	eg_buf_add(out, "  longer over IPv4 without DF: %s\n",
		   tunnel->fragment_inner   ? "fragmented, then sealed"
		   : tunnel->fragment_outer ? "sealed, then fragmented"
					    : "dropped");
	eg_buf_add(out, "  longer with DF: dropped; ICMP \"too big\" reports %u\n", mtu);
	if (least)
		eg_buf_add(out,
			   "  longer over IPv6: up to %u sealed, then fragmented (RFC 2473 "
			   "s7.1)\n",
			   EG_IP6_MTU_MIN);
	if (ip6)
		eg_buf_add(out, "  %s over IPv6: dropped; ICMP \"too big\" reports %u\n",
			   least ? "even longer" : "longer", least ? EG_IP6_MTU_MIN : mtu);
}

void eg_explain_mtu_sa(const struct eg_conf_sa *sa, const struct eg_tunnel *tunnel,
		       const struct eg_conf_port *port, struct eg_buf *out)
{
	const struct eg_suite *suite = sa->suite;
	/* In transport mode of a packet without options or extension headers. */
	const struct eg_overhead overhead =
		eg_tunnel_overhead(tunnel, eg_suite_sizes(suite), tunnel->ip_len);
	unsigned mtu = eg_effective_mtu(&overhead, port->mtu);

	eg_buf_add(out, "SA 0x%08x %s\n", sa->spi, suite->name);
	eg_buf_add(out, "  %6u  mtu of port %s%s\n", port->mtu, port->name,
		   tunnel->learns_mtu ? " (or the path MTU, if that is less)" : "");
	eg_buf_add(out, "  - %4u  %s IPv%u header\n", tunnel->ip_len,
		   tunnel->transport ? "the packet's own" : "outer", tunnel->remote.family);
	if (tunnel->encap)
		eg_buf_add(out, "  - %4u  UDP header (RFC 3948)\n", EG_UDP_LEN);
	eg_buf_add(out, "  - %4u  ESP header: SPI, sequence number%s\n", EG_ESP_LEN,
		   sa->esn ? " (the high half of an ESN is not sent)" : "");
	eg_buf_add(out, "  - %4u  IV\n", suite->iv_bytes);
	eg_buf_add(out, "  - %4u  ICV\n", suite->icv_bytes);
	eg_buf_add(out, "  - %4u  unused: the padded text is a multiple of %u\n",
		   port->mtu - eg_sealed_len(&overhead, mtu), suite->align_bytes);
	eg_buf_add(out, "  - %4u  pad length, next header\n", EG_ESP_TRAILER);
	if (tunnel->transport)
		eg_buf_add(out, "  + %4u  the packet's own header (and its options)\n",
			   tunnel->ip_len);
	eg_buf_add(out, "  = %4u  longest packet%s\n", mtu, tunnel->transport ? "" : " inside");
	if (tunnel->transport)
		eg_buf_add(out, "  MSS %u\n", mtu - tunnel->ip_len - EG_TCP_LEN);
	else
		eg_buf_add(out, "  MSS %u over IPv4, %u over IPv6\n", mtu - EG_IP4_LEN - EG_TCP_LEN,
			   mtu - EG_IP6_LEN - EG_TCP_LEN);
	add_longer(tunnel, mtu, out);
}

static int explain(const struct eg_offline *view, const struct eg_conf_peer *conf,
		   const struct eg_tunnel *tunnel)
{
	char remote[EG_IP_TEXT];
	struct eg_buf out = {0};
	size_t n = 0;

	eg_ip_print(&conf->remote, remote);
	if (!eg_hop_is_port(&tunnel->hop)) {
		fprintf(stderr, "espgate explain: %s (%s) is not reachable\n", conf->name, remote);
		return EG_EXIT_ERROR;
	}
	eg_buf_add(&out, "peer %s (%s) by port %s, MSS clamping %s\n", conf->name, remote,
		   view->config->ports.v[tunnel->hop.port].name, conf->mss_clamp ? "on" : "off");
	eg_vec_foreach (sa, &conf->sas) {
		if (sa->dir != EG_SA_OUT)
			continue;
		eg_explain_mtu_sa(sa, tunnel, &view->config->ports.v[tunnel->hop.port], &out);
		n++;
	}
	if (!n)
		eg_buf_add(&out, "no outbound SA: nothing can be sent\n");
	fputs(out.v ? out.v : "", stdout);
	eg_buf_free(&out);
	return EG_EXIT_OK;
}

/* Make the tunnel as the daemon would, in a table of its own. */
static int make_and_explain(const struct eg_offline *view, size_t index)
{
	const struct eg_conf_peer *conf = &view->config->peers.v[index];
	struct eg_tunnels tunnels = {0};
	struct eg_rcu rcu = {0};
	int status = EG_EXIT_ERROR;
	uint32_t id;

	if (!eg_rcu_init(&rcu, 1) && !eg_tunnels_init(&tunnels, &rcu, NULL, 1) &&
	    !eg_tunnel_add(&tunnels, &view->candidate->tunnels[index].spec, &id))
		status = explain(view, conf, eg_tunnel_get(&tunnels, id));
	else
		fprintf(stderr, "espgate explain: out of memory\n");
	eg_tunnels_fini(&tunnels);
	eg_rcu_fini(&rcu);
	return status;
}

int eg_explain_mtu(const struct eg_offline *view, const char *name)
{
	for (size_t i = 0; i < view->config->peers.n; i++) {
		if (!strcmp(view->config->peers.v[i].name, name))
			return make_and_explain(view, i);
	}
	fprintf(stderr, "espgate explain: no peer is named \"%s\"\n", name);
	return EG_EXIT_USAGE;
}
