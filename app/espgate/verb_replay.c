/* replay: prints the verdict of a configuration for every flow in a capture, or the differences to
 * another configuration, so that a policy change can be tested on yesterday's traffic before it is
 * rolled out. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "capture.h"
#include "offline.h"
#include "policy/describe.h"
#include "verbs.h"

static struct eg_policy_verdict evaluate(const struct eg_snap *snap,
					 const struct eg_packet_key *key)
{
	const struct eg_policy_packet packet = {
		.src = key->src.bytes,
		.dst = key->dst.bytes,
		.port = key->port,
		.proto = key->proto,
		.family = key->src.family,
	};
	struct eg_policy_verdict verdict = {{EG_POLICY_NOT_ISOLATED, EG_POLICY_NOT_ISOLATED}};

	if (snap->policy)
		eg_policy_evaluate(snap->policy->compiled, &packet, &verdict, 1);
	return verdict;
}

static const char *verdict_name(const struct eg_policy_verdict *verdict)
{
	bool unknown = verdict->side[EG_EGRESS] == EG_POLICY_UNKNOWN;
	bool egress = verdict->side[EG_EGRESS] == EG_POLICY_DENY;
	bool ingress = verdict->side[EG_INGRESS] == EG_POLICY_DENY;

	if (unknown)
		return "deny(unknown_pod)";
	if (egress)
		return ingress ? "deny(egress,ingress)" : "deny(egress)";
	return ingress ? "deny(ingress)" : "allow";
}

static void print_flow(const struct eg_capture_flow *flow, const char *before, const char *now)
{
	char src[EG_IP_TEXT], dst[EG_IP_TEXT];
	const char *proto = eg_proto_name(flow->key.proto);
	bool ports = eg_proto_has_ports(flow->key.proto);

	if (before)
		printf("%-20s -> ", before);
	printf("%-20s ", now);
	if (proto)
		printf("%-5s", proto);
	else
		printf("%-5u", flow->key.proto);
	if (ports)
		printf(" %s %u -> %s %u", eg_ip_print(&flow->key.src, src), flow->sport,
		       eg_ip_print(&flow->key.dst, dst), flow->key.port);
	else
		printf(" %s -> %s", eg_ip_print(&flow->key.src, src),
		       eg_ip_print(&flow->key.dst, dst));
	printf("  (%" PRIu64 " packets, %" PRIu64 " bytes)\n", flow->packets, flow->bytes);
}

static int print_verdicts(const struct eg_capture *capture, const struct eg_snap *now,
			  const struct eg_snap *before)
{
	size_t denied = 0, different = 0;

	eg_vec_foreach (flow, &capture->flows) {
		struct eg_policy_verdict verdict = evaluate(now, &flow->key);
		bool passes = eg_policy_passes(&verdict);

		denied += !passes;
		if (before) {
			struct eg_policy_verdict old = evaluate(before, &flow->key);

			if (eg_policy_passes(&old) == passes)
				continue;
			different++;
			print_flow(flow, verdict_name(&old), verdict_name(&verdict));
		} else {
			print_flow(flow, NULL, verdict_name(&verdict));
		}
	}
	printf("%zu flows in %" PRIu64 " packets: %zu allowed, %zu denied", capture->flows.n,
	       capture->packets, capture->flows.n - denied, denied);
	if (before)
		printf(", %zu different", different);
	printf("; %" PRIu64 " packets belong to another flow (fragments, ICMP errors), %" PRIu64
	       " cannot be routed\n",
	       capture->followers, capture->skipped);
	return different ? EG_EXIT_NO : EG_EXIT_OK;
}

static int replay(const char *now_path, const char *before_path, const char *capture_path)
{
	struct eg_offline now = {0}, before = {0};
	struct eg_capture capture = {0};
	int status = EG_EXIT_ERROR;

	if (!eg_offline_load(&now, now_path) &&
	    (!before_path || !eg_offline_load(&before, before_path)) &&
	    !eg_capture_read(capture_path, &capture))
		status = print_verdicts(&capture, now.snap, before.snap);
	eg_capture_free(&capture);
	eg_offline_free(&before);
	eg_offline_free(&now);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: espgate replay -c FILE [--against OLD] CAPTURE\n");
	return EG_EXIT_USAGE;
}

int eg_verb_replay(int argc, char **argv)
{
	static const struct option longs[] = {{"against", required_argument, NULL, 'a'}, {0}};
	const char *now = NULL, *before = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (opt == 'c')
			now = optarg;
		else if (opt == 'a')
			before = optarg;
		else
			return usage();
	}
	return now && optind + 1 == argc ? replay(now, before, argv[optind]) : usage();
}
