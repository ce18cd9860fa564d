/* Samples of dropped packets, and of those that audit let pass, in the log. */
#include "ctl/ctl.h"

#include <string.h>

#include "policy/describe.h"

#define LOG_POLICIES_MAX 8

/* The policies that isolate the end which denied: what to look at (espgate explain says the rest).
 */
static void add_isolating(const struct eg_snap_policy *policy, const struct eg_drop_record *r,
			  struct eg_buf *text)
{
	enum eg_dir dir = r->reason == EG_DROP_POLICY_EGRESS ? EG_EGRESS : EG_INGRESS;
	bool source = (dir == EG_EGRESS) != r->reply;
	uint32_t class_id = eg_policy_class(policy->compiled, source ? &r->src : &r->dst);
	size_t n;
	const uint32_t *isolating = eg_policy_isolating(policy->compiled, class_id, dir, &n);

	eg_buf_add(text, r->reply ? " of=reply policies=" : " policies=");
	for (size_t i = 0; i < n && i < LOG_POLICIES_MAX; i++) {
		eg_buf_add(text, i ? "," : "");
		eg_describe_policy(&policy->cluster, isolating[i], text);
	}
	if (n > LOG_POLICIES_MAX)
		eg_buf_add(text, ",+%zu", n - LOG_POLICIES_MAX);
}

/* As parse leaves them: ICMP's identifier, type and code stand in the place of ports. */
static void add_l4(const struct eg_drop_record *r, struct eg_buf *text)
{
	if (r->proto == EG_PROTO_ICMP || r->proto == EG_PROTO_ICMP6)
		eg_buf_add(text, " type=%u code=%u id=%u", r->dport >> 8, r->dport & 0xff,
			   r->sport);
	else
		eg_buf_add(text, " sport=%u dport=%u", r->sport, r->dport);
}

static void add_neighbor(const struct eg_drop_record *r, struct eg_buf *text)
{
	static const uint8_t none[6];
	char ip[EG_IP_TEXT];

	eg_buf_add(text, " neighbor=%s", eg_ip_print(&r->neighbor, ip));
	if (memcmp(r->mac, none, 6))
		eg_buf_add(text, " mac=%02x:%02x:%02x:%02x:%02x:%02x", r->mac[0], r->mac[1],
			   r->mac[2], r->mac[3], r->mac[4], r->mac[5]);
}

/* A new pod that the inventory lacks, or a forgery: an operator must know which address it is. */
static void log_unknown(struct eg_ctl *ctl, const struct eg_drop_record *r)
{
	char unknown[EG_IP_TEXT], src[EG_IP_TEXT], dst[EG_IP_TEXT];

	eg_log(ctl->log, EG_LOG_CORE, EG_LOG_WARNING,
	       "unknown pod %s (%s -> %s, port %s): in a pod network, but no pod or node of the "
	       "inventory has it; %s (policy.unknown_pods)",
	       eg_ip_print(&r->unknown, unknown), eg_ip_print(&r->src, src),
	       eg_ip_print(&r->dst, dst), ctl->config->ports.v[r->port].name,
	       r->audited ? "audit: it would be denied" : "denied");
}

static void add_pod(const struct eg_snap_policy *policy, const char *key, const struct eg_ip *ip,
		    struct eg_buf *text)
{
	const struct eg_cluster *cluster = &policy->cluster;
	uint32_t index = eg_cluster_pod_at(cluster, ip);

	if (index != EG_NONE)
		eg_buf_add(text, " %s=%s/%s", key,
			   eg_sym_text(&cluster->syms,
				       cluster->namespaces.v[cluster->pods.v[index].ns].name),
			   eg_sym_text(&cluster->syms, cluster->pods.v[index].name));
}

static void log_drop(struct eg_ctl *ctl, const struct eg_drop_record *r)
{
	char src[EG_IP_TEXT], dst[EG_IP_TEXT];
	const struct eg_snap *snap = eg_publisher_read(ctl->publisher);
	struct eg_buf text = {0};

	if (r->unknown.family) {
		log_unknown(ctl, r);
		return;
	}
	eg_buf_add(&text, "%s=%s port=%s len=%u", r->audited ? "audit" : "drop",
		   eg_drop_name(r->reason), ctl->config->ports.v[r->port].name, r->bytes);
	if (r->src.family)
		eg_buf_add(&text, " src=%s dst=%s proto=%u", eg_ip_print(&r->src, src),
			   eg_ip_print(&r->dst, dst), r->proto);
	if (r->sport || r->dport)
		add_l4(r, &text);
	if (snap && snap->policy && r->src.family && r->audited) {
		add_pod(snap->policy, "src_pod", &r->src, &text);
		add_pod(snap->policy, "dst_pod", &r->dst, &text);
	}
	if (snap && snap->policy && r->src.family &&
	    (r->reason == EG_DROP_POLICY_EGRESS || r->reason == EG_DROP_POLICY_INGRESS))
		add_isolating(snap->policy, r, &text);
	if (r->neighbor.family)
		add_neighbor(r, &text);
	if (r->spi)
		eg_buf_add(&text, " spi=0x%08x seq=%u", r->spi, r->seq);
	/* Of these an operator must know: two stations with one address are a network that fails by
	 * turns. */
	eg_log(ctl->log, r->audited ? EG_LOG_POLICY : EG_LOG_ESP,
	       r->reason == EG_DROP_DUPLICATE_ADDRESS ? EG_LOG_WARNING : EG_LOG_INFO, "%s (%s%s)",
	       text.v ? text.v : "", r->audited ? "would be dropped: " : "",
	       eg_drop_text(r->reason));
	eg_buf_free(&text);
}

void eg_ctl_log_drops(struct eg_ctl *ctl)
{
	struct eg_drop_record record;

	for (unsigned w = 0; w < ctl->n_workers; w++) {
		while (eg_drop_ring_take(&ctl->stats[w]->dropped, &record))
			log_drop(ctl, &record);
	}
}
