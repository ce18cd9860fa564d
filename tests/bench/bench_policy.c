/* Measures the policy of a large cluster: time and memory of the compile, and the evaluation of a
 * first packet (two addresses to classes, then the verdicts of both directions). Not a test. */
#include <err.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench_cluster.h"
#include "policy/prove.h"

#define PACKETS 65536
#define ROUNDS  40

static double classify_ns(const struct eg_policy *policy, const struct eg_policy_packet *packets,
			  size_t burst, size_t *passed)
{
	struct eg_policy_verdict verdicts[64];
	uint64_t best = UINT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = eg_mono_ns(), took;

		*passed = 0;
		for (size_t i = 0; i < PACKETS; i += burst) {
			eg_policy_evaluate(policy, packets + i, verdicts, burst);
			for (size_t j = 0; j < burst; j++)
				*passed += (size_t)eg_policy_passes(&verdicts[j]);
		}
		took = eg_mono_ns() - start;
		best = took < best ? took : best;
	}
	return (double)best / PACKETS;
}

static void measure(uint32_t n_pods)
{
	struct eg_policy_options options = {.max_rules = 1000000};
	struct eg_cluster cluster = {0};
	struct eg_errs errs = {0};
	const struct eg_policy_stats *stats;
	struct eg_policy_packet *packets;
	struct eg_policy *policy;
	struct eg_proof proof;
	struct rusage usage;
	uint64_t start, took;
	size_t passed;

	bench_cluster(&cluster, n_pods);
	start = eg_mono_ns();
	policy = eg_policy_compile(&cluster, &options, &errs);
	took = eg_mono_ns() - start;
	getrusage(RUSAGE_SELF, &usage);
	if (!policy)
		errx(1, "no policy: %s", errs.msgs.n ? errs.msgs.v[0].text : "?");
	stats = eg_policy_stats(policy);
	printf("%u pods, %zu namespaces, %zu policies\n", n_pods, cluster.namespaces.n,
	       cluster.policies.n);
	printf("  compile %.1f ms, max RSS %ld MiB with the cluster, policy %.1f MiB\n",
	       (double)took / 1e6, usage.ru_maxrss / 1024, (double)stats->bytes / (1 << 20));
	printf("  %zu classes, groups %zu in %zu out, %zu rules (%zu pairs), %zu matchers, %zu "
	       "blocks, %zu port maps\n",
	       stats->n_classes, stats->n_groups[EG_INGRESS], stats->n_groups[EG_EGRESS],
	       stats->n_rules, stats->n_rule_pairs, stats->n_matchers, stats->n_blocks,
	       stats->n_port_maps);
	packets = bench_packets(&cluster, PACKETS);
	for (size_t burst = 1; burst <= 64; burst *= 8) {
		double ns = classify_ns(policy, packets, burst, &passed);

		printf("  first packet, bursts of %2zu: %.1f ns (%.0f%% pass)\n", burst, ns,
		       100.0 * (double)passed / PACKETS);
	}
	eg_policy_prove(policy, 200000000, &proof);
	printf("  proof in 200 ms: %zu probes, %zu of %zu addresses, %zu of %zu pairs, %zu "
	       "disagreements\n",
	       proof.n_probes, proof.n_addresses_done, proof.n_addresses, proof.n_pairs_done,
	       proof.n_pairs, proof.n_disagreements);
	fflush(stdout);
}

int main(void)
{
	static const uint32_t sizes[] = {100, 1000, 10000};

	/* Each in its own process, so that the peak RSS is its own. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		pid_t child = fork();

		if (!child) {
			measure(sizes[i]);
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child)
			err(1, "fork");
	}
	return 0;
}
